import { hasCode } from '@keystead/errors';
import { compileBundle, sessionPolicies, type PrincipalPolicies } from '@keystead/policy';
import type { CallContext } from '@keystead/proto/common';
import { IamServiceClient, type GetPrincipalBundleRequest } from '@keystead/proto/iam';
import { channelCredentials, channelOptions, invoke, lease, LeasedCache, type TlsIdentity } from '@keystead/service';

/** What callers may do, as iam-service says: leased, so that a change takes effect within a second. */
export interface Principals {
  /** The policies of the caller; undefined when there is no such principal (any more). Rejects with Unavailable. */
  policiesOf(context: CallContext): Promise<PrincipalPolicies | undefined>;
  close(): void;
}

interface Known {
  readonly uniqueId: string;
  readonly policies: PrincipalPolicies;
}

const prefix = 'principal/';
const sessionPrefix = 'session/';
const maxPrincipals = 5_000;

export function principals({ address, tls }: { address: string; tls: TlsIdentity }): Principals {
  const client = new IamServiceClient(address, channelCredentials(tls, 'iam-service'), channelOptions);
  const subscription = lease({
    address,
    tls,
    expected: 'iam-service',
    subscriber: `audit-service/${String(process.pid)}`,
  });
  const cache = new LeasedCache<Known>({
    lease: subscription,
    load: (key) => load(client, { arn: key.slice(prefix.length) }),
    maxEntries: maxPrincipals,
  });
  const sessions = new LeasedCache<Known>({
    lease: subscription,
    load: (key) => load(client, { sessionAccessKeyId: key.slice(sessionPrefix.length) }),
    maxEntries: maxPrincipals,
  });
  return {
    policiesOf: async (context) => {
      const { arn, uniqueId } = whose(context);
      const known = await cache.get(prefix + arn);
      // A user that was deleted and made again is another one.
      if (known?.uniqueId !== uniqueId) return undefined;
      if (!context.session?.hasPolicies) return known.policies;
      const own = await sessions.get(sessionPrefix + context.accessKeyId);
      return own && sessionPolicies(known.policies, own.policies);
    },
    close: () => {
      cache.close();
      sessions.close();
      subscription.close();
      client.close();
    },
  };
}

/** A session has the policies of whoever issued it. */
function whose({ principal, session }: CallContext): { arn: string; uniqueId: string } {
  if (session && session.issuerArn !== '') return { arn: session.issuerArn, uniqueId: session.issuerUniqueId };
  return { arn: principal?.arn ?? '', uniqueId: principal?.uniqueId ?? '' };
}

async function load(client: IamServiceClient, asked: Partial<GetPrincipalBundleRequest>): Promise<Known | undefined> {
  try {
    const { bundle } = await invoke(
      client.getPrincipalBundle.bind(client),
      { arn: '', uniqueId: '', sessionAccessKeyId: '', ...asked },
      { timeoutMs: 2_000 },
    );
    if (!bundle?.principal) return undefined;
    return { uniqueId: bundle.principal.uniqueId, policies: compileBundle(bundle) };
  } catch (error) {
    if (hasCode(error, 'NoSuchEntity')) return undefined;
    throw error;
  }
}
