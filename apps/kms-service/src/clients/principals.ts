import { hasCode } from '@keystead/errors';
import { compileBundle, type PrincipalPolicies } from '@keystead/policy';
import { IamServiceClient, type GetPrincipalBundleRequest } from '@keystead/proto/iam';
import {
  channelCredentials,
  channelOptions,
  invoke,
  LeasedCache,
  type Address,
  type Lease,
  type TlsIdentity,
} from '@keystead/service';

/** A principal with its policies, compiled once for each version that iam-service sends. */
export interface KnownPrincipal {
  readonly uniqueId: string;
  readonly policies: PrincipalPolicies;
}

/** What kms-service asks iam-service. */
export interface Principals {
  /** Without a promise when it is in memory. */
  peek(arn: string): KnownPrincipal | undefined;
  /** Undefined for a principal that does not exist. Errors: Unavailable. */
  get(arn: string): Promise<KnownPrincipal | undefined>;
  /** A session's own policies; undefined for a session that does not exist (any more). Errors: Unavailable. */
  session(accessKeyId: string): Promise<PrincipalPolicies | undefined>;
  /** The unique ids of those that exist, by what was asked. Errors: Unavailable. */
  existing(principals: readonly string[]): Promise<Map<string, string>>;
  close(): void;
}

const maxPrincipals = 10_000;
/** As iam-service names its changes. */
const cacheKey = (arn: string): string => `principal/${arn}`;

export interface PrincipalsOptions {
  readonly address: Address;
  readonly tls: TlsIdentity;
  /** iam-service's changes. */
  readonly changes: Lease;
}

export function principalsClient({ address, tls, changes }: PrincipalsOptions): Principals {
  const client = new IamServiceClient(address, channelCredentials(tls, 'iam-service'), channelOptions);
  const ask = async (asked: Partial<GetPrincipalBundleRequest>): Promise<KnownPrincipal | undefined> => {
    const request = { arn: '', uniqueId: '', sessionAccessKeyId: '', ...asked };
    try {
      const { bundle } = await invoke(client.getPrincipalBundle.bind(client), request, { timeoutMs: 3_000 });
      return bundle && { uniqueId: bundle.principal?.uniqueId ?? '', policies: compileBundle(bundle) };
    } catch (error) {
      if (hasCode(error, 'NoSuchEntity')) return undefined;
      throw error;
    }
  };
  const cache = new LeasedCache<KnownPrincipal>({
    lease: changes,
    load: (name) => ask({ arn: name.slice('principal/'.length) }),
    maxEntries: maxPrincipals,
  });
  const sessions = new LeasedCache<KnownPrincipal>({
    lease: changes,
    load: (name) => ask({ sessionAccessKeyId: name.slice('session/'.length) }),
    maxEntries: maxPrincipals,
  });
  return {
    peek: (arn) => cache.peek(cacheKey(arn)),
    get: (arn) => cache.get(cacheKey(arn)),
    session: async (accessKeyId) => (await sessions.get(`session/${accessKeyId}`))?.policies,
    existing: async (principals) => {
      if (principals.length === 0) return new Map();
      const request = { principals: [...new Set(principals)] };
      const found = await invoke(client.resolvePrincipals.bind(client), request, { timeoutMs: 3_000 });
      return new Map(found.principals.map(({ asked, uniqueId }) => [asked, uniqueId]));
    },
    close: () => {
      cache.close();
      sessions.close();
      client.close();
    },
  };
}
