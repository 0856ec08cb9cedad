import { hasCode } from '@keystead/errors';
import type { Principal, Session } from '@keystead/proto/common';
import { type GetSigningKeyResponse, IamServiceClient } from '@keystead/proto/iam';
import type { CredentialScope } from '@keystead/sigv4';
import { channelOptions, invoke } from '../client.js';
import type { Address } from '../config.js';
import { channelCredentials } from '../identity/credentials.js';
import type { TlsIdentity } from '../identity/tls.js';
import { LeasedCache } from '../leases/cache.js';
import type { Lease } from '../leases/subscription.js';

/** The key of one access key and scope, and whose it is. */
export interface SigningKey {
  readonly key: Uint8Array;
  readonly principal: Principal;
  readonly session: Session | undefined;
  /** SHA-256 of the token that must come with the request; empty for long-term keys. */
  readonly sessionTokenSha256: Uint8Array;
}

/** iam-service's signing keys, cached while iam-service vouches for them. */
export interface SigningKeySource {
  /** The key if it is in memory: the way without a promise. */
  peek(scope: CredentialScope): SigningKey | undefined;
  /** Undefined for an access key that is unknown or inactive. Rejects with ExpiredToken, Unavailable and the like. */
  get(scope: CredentialScope): Promise<SigningKey | undefined>;
  close(): void;
}

const maxEntries = 10_000;

export interface SigningKeyOptions {
  readonly address: Address;
  readonly tls: TlsIdentity;
  readonly changes: Lease;
}

export function signingKeySource({ address, tls, changes }: SigningKeyOptions): SigningKeySource {
  const client = new IamServiceClient(address, channelCredentials(tls, 'iam-service'), channelOptions);
  const index = new KeyIndex();
  const cache = new LeasedCache<SigningKey>({
    maxEntries,
    lease: {
      fresh: () => changes.fresh(),
      onChange: (listener) => changes.onChange((keys) => listener(index.void(keys))),
    },
    load: (key) => {
      // Noted with every load, not with every question: a change during a load takes the note away, and the load that
      // follows it may keep its answer.
      index.add(key);
      return load(client, key);
    },
  });
  return {
    peek: (scope) => cache.peek(keyOf(scope)),
    get: (scope) => cache.get(keyOf(scope)),
    close: () => {
      cache.close();
      client.close();
    },
  };
}

const keyOf = ({ accessKeyId, date, region, service }: CredentialScope): string =>
  `${accessKeyId}/${date}/${region}/${service}`;

async function load(client: IamServiceClient, key: string): Promise<SigningKey | undefined> {
  const [accessKeyId = '', date = '', region = '', service = ''] = key.split('/');
  try {
    const request = { accessKeyId, date, region, service };
    return signingKey(await invoke(client.getSigningKey.bind(client), request, { timeoutMs: 5_000 }));
  } catch (error) {
    if (hasCode(error, 'UnrecognizedClient')) return undefined;
    throw error;
  }
}

function signingKey({ signingKey: key, principal, session, sessionTokenSha256 }: GetSigningKeyResponse): SigningKey {
  if (!principal || key.length !== 32) throw new TypeError('iam-service answered without a principal or key');
  return { key, principal, session, sessionTokenSha256 };
}

/** iam-service announces access keys; the cache holds one entry for each of their scopes. */
class KeyIndex {
  readonly #scopes = new Map<string, Set<string>>();
  /** Entries are no longer known by name: the next change voids everything. */
  #lost = false;

  add(key: string): void {
    const accessKeyId = key.slice(0, key.indexOf('/'));
    const scopes = this.#scopes.get(accessKeyId);
    if (scopes) return void scopes.add(key);
    if (this.#scopes.size >= 2 * maxEntries) this.#forget();
    this.#scopes.set(accessKeyId, new Set([key]));
  }

  /** The cache's keys for what was announced; undefined means all. */
  void(announced: readonly string[] | undefined): readonly string[] | undefined {
    if (announced !== undefined && !this.#lost) {
      return announced.flatMap((key) => this.#take(key.slice(key.indexOf('/') + 1)));
    }
    this.#scopes.clear();
    this.#lost = false;
    return undefined;
  }

  #forget(): void {
    this.#scopes.clear();
    this.#lost = true;
  }

  #take(accessKeyId: string): string[] {
    const scopes = this.#scopes.get(accessKeyId);
    this.#scopes.delete(accessKeyId);
    return scopes ? [...scopes] : [];
  }
}
