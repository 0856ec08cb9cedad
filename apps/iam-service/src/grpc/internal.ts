import { KeysteadError } from '@keystead/errors';
import type { Principal, Session } from '@keystead/proto/common';
import type { ResolvedPrincipal } from '@keystead/proto/iam';
import { unary } from '@keystead/service';
import type * as proto from '@keystead/proto/iam';
import { entityArn } from '../domain/arn.js';
import type { IssuedSession, LastUse } from '../domain/entities.js';
import { checkScope, signingKey, type SigningScope } from '../domain/signing-keys.js';
import type { StoredSecret } from '../store/access-keys.js';
import type { StoredSession } from '../store/sessions.js';
import {
  bundleByArn,
  rolePrincipalOf,
  rootPrincipal,
  sessionBundle,
  tagMap,
  userPrincipal,
  type BundleSource,
} from './bundles.js';
import { only } from './peers.js';
import { resolvePrincipal, type PrincipalSource } from './resolve.js';
import type { SecretKeeper } from './secret-keeper.js';

/** What the internal methods work with. */
export interface InternalEnvironment extends BundleSource, PrincipalSource {
  readonly secrets: SecretKeeper;
  /** An access key of whatever account. */
  accessKey(id: string): Promise<StoredSecret | undefined>;
  /** A session of whatever account. */
  session(accessKeyId: string): Promise<StoredSession | undefined>;
  noteUse(accessKeyId: string, use: LastUse): void;
  now(): Date;
}

const maximumAsked = 1_000;

/** What the other services need of iam-service; each method names the services that may call it. */
export function internalMethods(environment: InternalEnvironment) {
  return {
    getSigningKey: unary(async (request: proto.GetSigningKeyRequest, { peer }) => {
      // kms-service reads signatures for itself, never those for another service.
      only(peer, 'edge', 'object-store-gateway', ...(request.service === 'kms' ? ['kms-service'] : []));
      return getSigningKey(environment, request);
    }),

    getPrincipalBundle: unary(async (request: proto.GetPrincipalBundleRequest, { peer }) => {
      only(peer, 'kms-service', 'object-store-gateway', 'audit-service');
      const { arn, uniqueId, sessionAccessKeyId } = request;
      if (sessionAccessKeyId !== '') return { bundle: await bundleOfSession(environment, sessionAccessKeyId) };
      const bundle = await bundleByArn(environment, arn, uniqueId);
      if (!bundle) throw new KeysteadError('NoSuchEntity', `There is no principal ${arn.slice(0, 256)}.`);
      return { bundle };
    }),

    resolvePrincipals: unary(async ({ principals }: proto.ResolvePrincipalsRequest, { peer }) => {
      if (peer.kind !== 'operator') only(peer, 'kms-service', 'object-store-gateway');
      if (principals.length > maximumAsked)
        throw new KeysteadError('Validation', `At most ${maximumAsked} principals.`);
      const found: ResolvedPrincipal[] = [];
      for (const asked of principals) {
        const principal = await resolvePrincipal(environment, asked);
        if (principal) found.push({ asked, arn: principal.arn, uniqueId: principal.uniqueId });
      }
      return { principals: found };
    }),
  };
}

async function getSigningKey(environment: InternalEnvironment, request: proto.GetSigningKeyRequest) {
  const { accessKeyId, region, service } = request;
  const scope = checkScope(request, environment.now());
  if (accessKeyId.startsWith('ASIA')) return sessionSigningKey(environment, accessKeyId, scope);
  const stored = await environment.accessKey(accessKeyId);
  if (stored?.key.status !== 'Active') throw unrecognized();
  const { account, userId } = stored.key;
  const principal = await ownerOf(environment, account, userId);
  const secret = await environment.secrets.unwrap(accessKeyId, stored.wrappedSecret);
  try {
    environment.noteUse(accessKeyId, { at: environment.now(), service, region });
    return {
      signingKey: signingKey(secret, scope),
      principal,
      session: undefined,
      sessionToken: '',
      sessionTokenSha256: Buffer.alloc(0),
    };
  } finally {
    secret.fill(0);
  }
}

/** The user of an access key, or the root user. */
async function ownerOf(environment: InternalEnvironment, account: string, userId: string): Promise<Principal> {
  if (userId === account) return rootPrincipal(account);
  const user = await environment.storeOf(account).users.byId(userId);
  if (!user) throw unrecognized();
  return userPrincipal(user);
}

async function sessionSigningKey(environment: InternalEnvironment, accessKeyId: string, scope: SigningScope) {
  const { session, wrappedSecret, tokenSha256 } = await liveSession(environment, accessKeyId);
  const issuer = await issuerOf(environment, session);
  const secret = await environment.secrets.unwrap(accessKeyId, wrappedSecret);
  try {
    const { region, service } = scope;
    environment.noteUse(accessKeyId, { at: environment.now(), service, region });
    return {
      signingKey: signingKey(secret, scope),
      principal: issuer.principal,
      session: wireSession(session, issuer),
      sessionToken: '',
      sessionTokenSha256: Buffer.from(tokenSha256),
    };
  } finally {
    secret.fill(0);
  }
}

/** Throws UnrecognizedClient, ExpiredToken. */
async function liveSession(environment: InternalEnvironment, accessKeyId: string): Promise<StoredSession> {
  const stored = await environment.session(accessKeyId);
  if (!stored) throw unrecognized();
  if (stored.session.expiresAt > environment.now()) return stored;
  throw new KeysteadError('ExpiredToken', 'The security token included in the request is expired');
}

interface Issuer {
  readonly arn: string;
  readonly uniqueId: string;
  /** The session as the caller of requests. */
  readonly principal: Principal;
}

/** Throws UnrecognizedClient for an issuer that is gone. */
async function issuerOf(environment: InternalEnvironment, { account, issuerId, name }: IssuedSession): Promise<Issuer> {
  if (name !== undefined) {
    const role = await environment.storeOf(account).roles.byId(issuerId);
    if (!role) throw unrecognized();
    return { arn: entityArn('role', role), uniqueId: role.id, principal: rolePrincipalOf(role, name) };
  }
  const principal = await ownerOf(environment, account, issuerId);
  return { arn: principal.arn, uniqueId: principal.uniqueId, principal };
}

function wireSession({ facts, issuedAt, expiresAt }: IssuedSession, { arn, uniqueId }: Issuer): Session {
  return {
    issuerArn: arn,
    issuerUniqueId: uniqueId,
    issuedAtMs: BigInt(issuedAt.getTime()),
    expiresAtMs: BigInt(expiresAt.getTime()),
    tags: tagMap(facts.tags),
    hasPolicies: facts.policies.length > 0,
    sourceIdentity: facts.sourceIdentity ?? '',
    transitiveTagKeys: [...facts.transitiveTagKeys],
    federatedProvider: facts.federated?.provider ?? '',
    federatedClaims: { ...facts.federated?.claims },
  };
}

/** Throws NoSuchEntity for a session that is not there or has ended. */
async function bundleOfSession(environment: InternalEnvironment, accessKeyId: string): Promise<proto.PrincipalBundle> {
  const sequence = await environment.sequence();
  const stored = await environment.session(accessKeyId);
  if (!stored || stored.session.expiresAt <= environment.now()) {
    throw new KeysteadError('NoSuchEntity', `There is no session ${accessKeyId.slice(0, 128)}.`);
  }
  const { principal } = await issuerOf(environment, stored.session);
  return sessionBundle(stored.session, principal, sequence);
}

function unrecognized(): KeysteadError {
  return new KeysteadError('UnrecognizedClient', 'The security token included in the request is invalid.');
}
