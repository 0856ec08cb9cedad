import { hasCode } from '@keystead/errors';
import { compileBundle, sessionPolicies } from '@keystead/policy';
import type { PrincipalPolicies } from '@keystead/policy';
import type { CallContext } from '@keystead/proto/common';
import type {
  GetPrincipalBundleRequest,
  GetPrincipalBundleResponse,
  GetSigningKeyResponse,
  IamServiceClient,
} from '@keystead/proto/iam';
import { LeasedCache, invoke } from '@keystead/service';
import type { Lease } from '@keystead/service';
import { AuthError } from '@keystead/sigv4';
import type { Authentication } from '@keystead/sigv4';

/** What iam-service knows of callers, kept while it vouches for it. */
export interface Identity {
  /** The signing key that a request claims, and whose it is. Throws AuthError UnknownAccessKey. */
  signingKey(auth: Authentication): Promise<GetSigningKeyResponse>;
  /** The policies of the caller. Throws a KeysteadError NoSuchEntity when the principal is gone. */
  policies(context: CallContext): Promise<PrincipalPolicies>;
  close(): void;
}

const MOST_KEYS = 10_000;
const MOST_PRINCIPALS = 10_000;
/** Dates and Regions of one access key. */
const MOST_SCOPES = 16;
/** What is not there is remembered this long at most. */
const UNKNOWN_MS = 1_000;

interface Known {
  readonly uniqueId: string;
  readonly policies: PrincipalPolicies;
}

/** What somebody may do who is gone. */
const nothing: PrincipalPolicies = { identity: [], tags: {} };

type Scopes = Map<string, Promise<GetSigningKeyResponse>>;

export function identity(iam: IamServiceClient, lease: Lease): Identity {
  // One entry for each access key, because a change names the access key; its scopes are fetched as they come.
  const keys = new LeasedCache<Scopes>({ lease, maxEntries: MOST_KEYS, load: () => Promise.resolve(new Map()) });
  const principals = new LeasedCache<Known>({
    lease,
    maxEntries: MOST_PRINCIPALS,
    load: (key) => loadPolicies(iam, { arn: key.slice('principal/'.length) }),
  });
  const sessions = new LeasedCache<Known>({
    lease,
    maxEntries: MOST_PRINCIPALS,
    load: (key) => loadPolicies(iam, { sessionAccessKeyId: key.slice('session/'.length) }),
  });
  return {
    async signingKey(auth) {
      const scopes = (await keys.get(`access-key/${auth.accessKeyId}`)) ?? new Map<string, never>();
      return scopes.get(auth.scope) ?? remember(scopes, auth.scope, loadSigningKey(iam, auth));
    },
    async policies(context) {
      const { session, principal, accessKeyId } = context;
      const arn = session?.issuerArn || (principal?.arn ?? '');
      const uniqueId = session?.issuerArn ? session.issuerUniqueId : principal?.uniqueId;
      const found = principals.peek(`principal/${arn}`) ?? (await principals.get(`principal/${arn}`));
      // Who was deleted and made again is another one.
      if (!found || found.uniqueId !== uniqueId) return nothing;
      if (!session?.hasPolicies) return found.policies;
      const own = await sessions.get(`session/${accessKeyId}`);
      return own ? sessionPolicies(found.policies, own.policies) : nothing;
    },
    close() {
      keys.close();
      principals.close();
      sessions.close();
      lease.close();
      iam.close();
    },
  };
}

function remember(
  scopes: Scopes,
  scope: string,
  loading: Promise<GetSigningKeyResponse>,
): Promise<GetSigningKeyResponse> {
  if (scopes.size >= MOST_SCOPES) scopes.clear();
  scopes.set(scope, loading);
  const forget = (): void => {
    if (scopes.get(scope) === loading) scopes.delete(scope);
  };
  // An unknown key is asked for once a second at most; when it is made, iam-service's change takes the whole entry.
  loading.catch((error: unknown) => {
    if (error instanceof AuthError) setTimeout(forget, UNKNOWN_MS).unref();
    else forget();
  });
  return loading;
}

async function loadSigningKey(iam: IamServiceClient, auth: Authentication): Promise<GetSigningKeyResponse> {
  const { accessKeyId, date, region, service } = auth;
  try {
    return await invoke((...a) => iam.getSigningKey(...a), { accessKeyId, date, region, service });
  } catch (error) {
    if (hasCode(error, 'UnrecognizedClient'))
      throw new AuthError('UnknownAccessKey', '', { AWSAccessKeyId: accessKeyId });
    throw error;
  }
}

async function loadPolicies(
  iam: IamServiceClient,
  asked: Partial<GetPrincipalBundleRequest>,
): Promise<Known | undefined> {
  try {
    const { bundle } = await invoke<GetPrincipalBundleRequest, GetPrincipalBundleResponse>(
      (...a) => iam.getPrincipalBundle(...a),
      { arn: '', uniqueId: '', sessionAccessKeyId: '', ...asked },
    );
    return bundle && { uniqueId: bundle.principal?.uniqueId ?? '', policies: compileBundle(bundle) };
  } catch (error) {
    if (hasCode(error, 'NoSuchEntity')) return undefined;
    throw error;
  }
}
