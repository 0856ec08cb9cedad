import { enqueue } from '@keystead/audit';
import { isUniqueViolation, transaction, type Pool, type Queryable } from '@keystead/db';
import { KeysteadError } from '@keystead/errors';
import type { AuditRecord } from '@keystead/proto/audit';
import type { Grant, GrantRule } from '../domain/grant.js';
import type { LastUsage } from '../domain/last-usage.js';
import { aliasArn, type Alias, type Key, type KeyView, type Material, type Tag } from '../domain/key.js';
import * as aliases from './aliases.js';
import { nextSequence } from './changes.js';
import * as grants from './grants.js';
import { pruneImportTokens, spendImportToken } from './import-tokens.js';
import * as keys from './keys.js';
import { lastUsageOf, saveUses, type UseOfKey } from './last-usage.js';
import * as materials from './materials.js';
import * as tags from './tags.js';

/** The name under which a key is cached, here and by subscribers. */
export const keyCacheKey = (account: string, id: string): string => `key/${account}/${id}`;
/** The name under which an alias is cached. */
export const aliasCacheKey = (account: string, name: string): string => `alias/${account}/${name}`;
/** The name under which the grants of a principal on a key are cached. */
export const grantsCacheKey = (account: string, keyId: string, granteeId: string): string =>
  `grants/${account}/${keyId}/${granteeId}`;

/** A change under way; nothing of it is seen by others before it commits. */
export interface Change {
  /** The key with everything, locked; undefined when it is gone. */
  lock(account: string, id: string): Promise<KeyView | undefined>;
  lockAlias(account: string, name: string): Promise<Alias | undefined>;
  /** Without a material for a key that waits for its import. */
  insertKey(key: Key, material: Material | undefined, tags: readonly Tag[]): Promise<void>;
  saveKey(key: Key): Promise<void>;
  addMaterial(material: Material): Promise<void>;
  saveMaterial(material: Material): Promise<void>;
  /** Only for material that never was current. */
  forgetMaterial(material: Material): Promise<void>;
  /** Uses up an import token. Errors: InvalidImportToken when it was used before. */
  spendImportToken(account: string, tokenHash: Uint8Array): Promise<void>;
  replaceTags(key: Key, tags: readonly Tag[]): Promise<void>;
  /** Errors: AlreadyExists. */
  insertAlias(region: string, alias: Alias): Promise<void>;
  moveAlias(from: Alias, to: Alias): Promise<void>;
  deleteAlias(alias: Alias): Promise<void>;
  /** The grant of this name that is the same in all that was asked for. */
  sameGrant(wanted: Grant): Promise<Grant | undefined>;
  countGrants(account: string, keyId: string): Promise<number>;
  insertGrant(grant: Grant): Promise<void>;
  /** False when it was gone already. */
  deleteGrant(grant: Grant): Promise<boolean>;
  /** With material, aliases, tags and grants. */
  deleteKey(view: KeyView): Promise<void>;
  /** Delivered to audit-service after the commit. */
  record(record: AuditRecord): Promise<void>;
}

/** A committed change. */
export interface Committed<T> {
  readonly result: T;
  readonly sequence: bigint;
  /** What no cache may serve any more. */
  readonly cacheKeys: readonly string[];
}

/** Keys in PostgreSQL. Reads are not for the hot path: key-directory.ts caches. */
export interface KeyStore {
  view(account: string, id: string): Promise<KeyView | undefined>;
  alias(account: string, name: string): Promise<Alias | undefined>;
  keyOfMaterial(materialId: string): Promise<{ account: string; id: string } | undefined>;
  grant(account: string, keyId: string, id: string): Promise<Grant | undefined>;
  /** What a principal's grants on a key allow. */
  grantRules(account: string, keyId: string, granteeId: string): Promise<GrantRule[]>;
  pageOfGrants(page: grants.GrantPage): Promise<Grant[]>;
  pageOfRetirableGrants(page: grants.RetirablePage): Promise<Grant[]>;
  pageOfKeys(account: string, after: string, limit: number): Promise<{ id: string; arn: string }[]>;
  pageOfAliases(page: { account: string; keyId: string | undefined; after: string; limit: number }): Promise<Alias[]>;
  keysToRotate(now: Date, limit: number): Promise<{ account: string; id: string }[]>;
  keysToDelete(now: Date, limit: number): Promise<{ account: string; id: string }[]>;
  /** Keys with imported material that has expired. */
  keysToExpire(now: Date, limit: number): Promise<{ account: string; id: string }[]>;
  /** Uses of keys, one for each key. */
  saveUses(uses: readonly UseOfKey[]): Promise<void>;
  lastUsage(account: string, keyId: string): Promise<LastUsage | undefined>;
  /** Forgets used import tokens that are no longer valid anyway. */
  pruneImportTokens(): Promise<void>;
  /** Runs a change in one transaction; `work` may run again after a serialization failure. */
  change<T>(work: (change: Change) => Promise<T>): Promise<Committed<T>>;
}

export function keyStore(pool: Pool): KeyStore {
  return {
    view: (account, id) => view(pool, account, id),
    alias: (account, name) => aliases.findAlias(pool, account, name),
    keyOfMaterial: (materialId) => materials.keyOfMaterial(pool, materialId),
    grant: (account, keyId, id) => grants.findGrant(pool, account, keyId, id),
    grantRules: (account, keyId, granteeId) => grants.rulesOf(pool, account, keyId, granteeId),
    pageOfGrants: (page) => grants.pageOfGrants(pool, page),
    pageOfRetirableGrants: (page) => grants.pageOfRetirable(pool, page),
    pageOfKeys: (account, after, limit) => keys.pageOfKeys(pool, account, after, limit),
    pageOfAliases: (page) => aliases.pageOfAliases(pool, page),
    keysToRotate: (now, limit) => keys.keysToRotate(pool, now, limit),
    keysToDelete: (now, limit) => keys.keysToDelete(pool, now, limit),
    keysToExpire: (now, limit) => materials.keysToExpire(pool, now, limit),
    saveUses: (uses) => saveUses(pool, uses),
    lastUsage: (account, keyId) => lastUsageOf(pool, account, keyId),
    pruneImportTokens: () => pruneImportTokens(pool),
    change: (work) =>
      transaction(pool, async (tx) => {
        const changed = new Set<string>();
        const result = await work(changeOf(tx, changed));
        const cacheKeys = [...changed];
        return { result, cacheKeys, sequence: await nextSequence(tx, cacheKeys) };
      }),
  };
}

async function view(db: Queryable, account: string, id: string, key?: Key): Promise<KeyView | undefined> {
  const found = key ?? (await keys.findKey(db, account, id));
  if (!found) return undefined;
  return {
    key: found,
    tags: await tags.tagsOf(db, account, id),
    aliases: await aliases.aliasesOf(db, account, id),
    materials: await materials.materialsOf(db, account, id),
  };
}

function changeOf(tx: Queryable, changed: Set<string>): Change {
  const key = ({ account, id }: { account: string; id: string }): void => void changed.add(keyCacheKey(account, id));
  const alias = ({ account, name, keyId }: Alias): void => {
    changed.add(aliasCacheKey(account, name));
    key({ account, id: keyId });
  };
  const grant = ({ account, keyId, granteeId }: Grant): void =>
    void changed.add(grantsCacheKey(account, keyId, granteeId));
  return {
    lock: async (account, id) => {
      const locked = await keys.lockKey(tx, account, id);
      return locked && view(tx, account, id, locked);
    },
    lockAlias: (account, name) => aliases.lockAlias(tx, account, name),
    insertKey: async (made, material, with_) => {
      await keys.insertKey(tx, made);
      if (material) await materials.insertMaterial(tx, material);
      if (with_.length > 0) await tags.replaceTags(tx, made.account, made.id, with_);
      key(made);
    },
    saveKey: async (saved) => {
      await keys.updateKey(tx, saved);
      key(saved);
    },
    addMaterial: (material) => materials.insertMaterial(tx, material),
    saveMaterial: (material) => materials.updateMaterial(tx, material),
    forgetMaterial: (material) => materials.deleteMaterial(tx, material),
    spendImportToken: (account, tokenHash) =>
      spendImportToken(tx, account, tokenHash).catch((error: unknown) => {
        throw isUniqueViolation(error) ? new KeysteadError('InvalidImportToken', spent) : error;
      }),
    replaceTags: async (of, all) => {
      await tags.replaceTags(tx, of.account, of.id, all);
      key(of);
    },
    insertAlias: async (region, made) => {
      await aliases.insertAlias(tx, made).catch((error: unknown) => {
        throw isUniqueViolation(error) ? taken(region, made) : error;
      });
      alias(made);
    },
    moveAlias: async (from, to) => {
      await aliases.updateAlias(tx, to);
      alias(from);
      alias(to);
    },
    deleteAlias: async (gone) => {
      await aliases.deleteAlias(tx, gone.account, gone.name);
      alias(gone);
    },
    sameGrant: (wanted) => grants.findSame(tx, wanted),
    countGrants: (account, keyId) => grants.countGrants(tx, account, keyId),
    insertGrant: async (made) => {
      await grants.insertGrant(tx, made);
      grant(made);
    },
    deleteGrant: async (gone) => {
      const done = await grants.deleteGrant(tx, gone);
      if (done) grant(gone);
      return done;
    },
    deleteKey: async (gone) => {
      await keys.deleteKey(tx, gone.key.account, gone.key.id);
      key(gone.key);
      for (const name of gone.aliases) changed.add(aliasCacheKey(gone.key.account, name));
    },
    record: (record) => enqueue(tx, record),
  };
}

const spent = 'The import token has already been used.';

function taken(region: string, alias: Alias): KeysteadError {
  return new KeysteadError(
    'AlreadyExists',
    `An alias with the name ${aliasArn(region, alias.account, alias.name)} already exists`,
  );
}
