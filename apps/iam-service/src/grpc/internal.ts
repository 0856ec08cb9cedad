import { KeysteadError } from '@keystead/errors';
import type { Principal } from '@keystead/proto/common';
import type { ResolvedPrincipal } from '@keystead/proto/iam';
import { unary } from '@keystead/service';
import type * as proto from '@keystead/proto/iam';
import { rootArn } from '../domain/arn.js';
import type { LastUse, User } from '../domain/entities.js';
import { checkScope, signingKey } from '../domain/signing-keys.js';
import type { StoredSecret } from '../store/access-keys.js';
import { bundleByArn, rootPrincipal, userByArn, userPrincipal, type BundleSource } from './bundles.js';
import { only } from './peers.js';
import type { SecretKeeper } from './secret-keeper.js';

/** What the internal methods work with. */
export interface InternalEnvironment extends BundleSource {
  readonly secrets: SecretKeeper;
  /** An access key of whatever account. */
  accessKey(id: string): Promise<StoredSecret | undefined>;
  /** A user of whatever account, by unique id. */
  userById(id: string): Promise<User | undefined>;
  noteUse(accessKeyId: string, use: LastUse): void;
  now(): Date;
}

const maximumAsked = 1_000;

/** What the other services need of iam-service; each method names the services that may call it. */
export function internalMethods(environment: InternalEnvironment) {
  return {
    getSigningKey: unary(async (request: proto.GetSigningKeyRequest, { peer }) => {
      only(peer, 'edge', 'object-store-gateway');
      return getSigningKey(environment, request);
    }),

    getPrincipalBundle: unary(async ({ arn, uniqueId }: proto.GetPrincipalBundleRequest, { peer }) => {
      only(peer, 'kms-service', 'object-store-gateway', 'audit-service');
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
        const principal = await resolve(environment, asked);
        if (principal) found.push({ asked, ...principal });
      }
      return { principals: found };
    }),
  };
}

async function getSigningKey(environment: InternalEnvironment, request: proto.GetSigningKeyRequest) {
  const { accessKeyId, region, service } = request;
  const scope = checkScope(request, environment.now());
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

/** A principal as policies name it: user or root ARN, account, or unique id. */
async function resolve(
  environment: InternalEnvironment,
  asked: string,
): Promise<Omit<ResolvedPrincipal, 'asked'> | undefined> {
  const account = /^(?:arn:aws:iam::)?(\d{12})(?::root)?$/.exec(asked)?.[1];
  if (account !== undefined) {
    const exists = (await environment.storeOf(account).account.createdAt()) !== undefined;
    return exists ? { arn: rootArn(account), uniqueId: account } : undefined;
  }
  const user = asked.startsWith('arn:') ? await userByArn(environment, asked) : await environment.userById(asked);
  return user && userPrincipal(user);
}

function unrecognized(): KeysteadError {
  return new KeysteadError('UnrecognizedClient', 'The security token included in the request is invalid.');
}
