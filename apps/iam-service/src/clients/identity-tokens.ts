import { KeysteadError } from '@keystead/errors';
import { createLocalJWKSet, decodeJwt, errors, jwtVerify, type JWTPayload } from 'jose';
import type { OidcProvider } from '../domain/entities.js';
import { nameOf } from '../domain/oidc-provider.js';
import type { Identify, ProvenToken } from '../grpc/identity-token.js';
import type { TokenKeys } from './token-keys.js';

/** Never a shared secret, never "none". */
const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];

export interface IdentityTokenOptions {
  readonly keys: TokenKeys;
  /** The provider of an account, by the issuer without its scheme. */
  readonly provider: (account: string, name: string) => Promise<OidcProvider | undefined>;
  readonly now: () => Date;
}

/** Proves tokens: signature, issuer, audience and time. */
export function identityTokens({ keys, provider, now }: IdentityTokenOptions): Identify {
  return async (token, account) => {
    const issuer = issuerOf(token);
    const trusted = await provider(account, nameOf(issuer));
    if (trusted?.url !== issuer.replace(/\/$/, '')) {
      throw invalid(`No OpenIDConnect provider found in your account for ${issuer.slice(0, 256)}`);
    }
    const payload = await verified(token, trusted.url, keys, now());
    const audience = audienceOf(payload, trusted);
    return { provider: trusted, issuer, audience, ...told(payload, trusted, audience) };
  };
}

function issuerOf(token: string): string {
  try {
    const { iss } = decodeJwt(token);
    if (typeof iss === 'string' && iss !== '') return iss;
  } catch {
    throw invalid('The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)');
  }
  throw invalid('Missing a required claim: iss');
}

async function verified(token: string, issuer: string, keys: TokenKeys, now: Date): Promise<JWTPayload> {
  const verify = async (newer: boolean) => {
    const key = createLocalJWKSet(await keys.of(issuer, { newer }));
    const options = { algorithms, currentDate: now, requiredClaims: ['sub', 'aud', 'iat', 'exp'] };
    return (await jwtVerify(token, key, options)).payload;
  };
  try {
    return await verify(false).catch((error: unknown) => {
      if (error instanceof errors.JWKSNoMatchingKey) return verify(true);
      throw error;
    });
  } catch (error) {
    throw asIdentityError(error, now);
  }
}

function asIdentityError(error: unknown, now: Date): unknown {
  if (error instanceof errors.JWTExpired) {
    const seconds = (date: number) => String(Math.floor(date));
    const limit = error.payload.exp ?? 0;
    const message = `Token expired: current date/time ${seconds(now.getTime() / 1000)} must be before the expiration date/time ${seconds(limit)}`;
    return new KeysteadError('ExpiredIdentityToken', message);
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    return invalid(
      error.reason === 'missing' ? `Missing a required claim: ${error.claim}` : `The claim ${error.claim} is not valid`,
    );
  }
  if (error instanceof errors.JOSEError) return invalid('The provided token could not be verified');
  return error;
}

/** The party that the token was made for (OpenID Connect Core §2: azp where there are several audiences). */
function audienceOf({ aud, azp }: JWTPayload, { clientIds }: OidcProvider): string {
  const all = typeof azp === 'string' ? [azp] : [aud ?? []].flat();
  const found = all.find((one) => clientIds.includes(one));
  if (found === undefined) throw invalid('Incorrect token audience');
  return found;
}

type Told = Pick<ProvenToken, 'subject' | 'claims' | 'tags' | 'transitiveTagKeys' | 'sourceIdentity'>;

function told(payload: JWTPayload, { name }: OidcProvider, audience: string): Told {
  // A token is JSON that somebody else wrote, whatever its type says.
  const subject: unknown = payload.sub;
  if (typeof subject !== 'string' || subject === '' || subject.length > 255)
    throw invalid('Missing a required claim: sub');
  const claims = { [`${name}:sub`]: subject, [`${name}:aud`]: audience };
  const identity = payload['https://aws.amazon.com/source_identity'];
  if (identity !== undefined && typeof identity !== 'string') throw invalid('The claim source_identity is not valid');
  return { subject, claims, sourceIdentity: identity, ...tagsOf(payload['https://aws.amazon.com/tags']) };
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html */
function tagsOf(claim: unknown): Pick<ProvenToken, 'tags' | 'transitiveTagKeys'> {
  if (claim === undefined) return { tags: [], transitiveTagKeys: [] };
  if (typeof claim !== 'object' || claim === null) throw invalid('The claim tags is not valid');
  const { principal_tags: tags = {}, transitive_tag_keys: keys = [] } = claim as Record<string, unknown>;
  if (typeof tags !== 'object' || tags === null || !isTexts(keys)) throw invalid('The claim tags is not valid');
  const read = Object.entries(tags).map(([key, values]: [string, unknown]) => {
    const [value, ...more] = isTexts(values) ? values : [];
    if (value === undefined || more.length > 0) throw invalid('The claim tags is not valid');
    return { key, value };
  });
  return { tags: read, transitiveTagKeys: keys };
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');

function invalid(message: string): KeysteadError {
  return new KeysteadError('InvalidIdentityToken', message);
}
