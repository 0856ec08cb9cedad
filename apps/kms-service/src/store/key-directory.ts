import { LeasedCache } from '@keystead/service';
import { grantIndex, type GrantIndex } from '../domain/grant.js';
import { loadedKey, type LoadedKey } from '../domain/loaded-key.js';
import { aliasCacheKey, grantsCacheKey, keyCacheKey, type KeyStore } from './key-store.js';
import type { Replica } from './replica.js';

/** Keys ready to be used, from memory while the lease holds: no request on the hot path pays for a database read. */
export interface KeyDirectory {
  /** Without a promise when it is in memory. */
  peek(account: string, id: string): LoadedKey | undefined;
  key(account: string, id: string): Promise<LoadedKey | undefined>;
  /** The id of the key that an alias names. */
  alias(account: string, name: string): Promise<string | undefined>;
  /** What the grants of a principal on a key allow, without a promise when they are in memory. */
  peekGrants(account: string, keyId: string, granteeId: string): GrantIndex | undefined;
  /** The same, by its unique id or account; one that covers nothing when there are none. */
  grants(account: string, keyId: string, granteeId: string): Promise<GrantIndex>;
  /** The key whose material made a ciphertext. */
  keyOfMaterial(materialId: string): Promise<{ account: string; id: string } | undefined>;
  close(): void;
}

/** About 1 KiB each with one token and a short policy. */
const maxKeys = 10_000;
const maxAliases = 20_000;
/** Grants, and pairs of key and principal, of which most have none: about 1 KiB each. One key may have 50,000 grants. */
const maxGrants = 100_000;
const maxMaterials = 50_000;

export function keyDirectory(store: KeyStore, lease: Replica): KeyDirectory {
  const keys = new LeasedCache<LoadedKey>({
    ...{ lease, maxEntries: maxKeys },
    load: async (name) => {
      const view = await store.view(...split(name));
      return view && loadedKey(view);
    },
  });
  const aliases = new LeasedCache<string>({
    ...{ lease, maxEntries: maxAliases },
    load: async (name) => (await store.alias(...split(name)))?.keyId,
  });
  const grants = new LeasedCache<GrantIndex>({
    ...{ lease, maxEntries: maxGrants },
    weigh: ({ size }) => 1 + size,
    load: async (name) => {
      const [, account = '', keyId = '', granteeId = ''] = name.split('/');
      return grantIndex(await store.grantRules(account, keyId, granteeId));
    },
  });
  const materials = new Map<string, { account: string; id: string }>();
  return {
    peek: (account, id) => keys.peek(keyCacheKey(account, id)),
    key: (account, id) => keys.get(keyCacheKey(account, id)),
    alias: (account, name) => aliases.get(aliasCacheKey(account, name)),
    peekGrants: (...of) => grants.peek(grantsCacheKey(...of)),
    grants: async (...of) => (await grants.get(grantsCacheKey(...of))) ?? grantIndex([]),
    keyOfMaterial: async (materialId) => {
      const known = materials.get(materialId);
      if (known) return known;
      const found = await store.keyOfMaterial(materialId);
      // A material belongs to its key for ever; whether the key is still there is asked separately.
      if (found) remember(materials, materialId, found);
      return found;
    },
    close: () => {
      keys.close();
      aliases.close();
      grants.close();
    },
  };
}

/** Splits "key/<account>/<id>" and "alias/<account>/<name>" (a name has slashes of its own). */
function split(cacheKey: string): [account: string, rest: string] {
  const [, account = '', ...rest] = cacheKey.split('/');
  return [account, rest.join('/')];
}

function remember<V>(map: Map<string, V>, key: string, value: V): void {
  if (map.size >= maxMaterials) map.delete(map.keys().next().value as string);
  map.set(key, value);
}
