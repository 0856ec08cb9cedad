import { rename, writeFile } from 'node:fs/promises';
import { ConfigError } from '@keystead/service';
import { administratorAccess } from '../domain/aws-managed-policies.js';
import type { User } from '../domain/entities.js';
import { accessKeyId, secretAccessKey, uniqueId, type Random } from '../domain/ids.js';
import type { SecretKeeper } from '../grpc/secret-keeper.js';
import { accessKeyKey, principalKey } from '../grpc/cache-keys.js';
import type { StoredSecret } from '../store/access-keys.js';
import type { ApplyChange } from '../store/change.js';
import type { IamStore } from '../store/iam-store.js';

/** The name of the first user. */
export const administrator = 'administrator';

export interface AdministratorOptions {
  readonly account: string;
  /** The key that the operator gives; without it one is made at the first start. */
  readonly given: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
  /** Where a key that was made is written, JSON, mode 0600. */
  readonly credentialsFile: string | undefined;
  readonly storeOf: (account: string) => IamStore;
  readonly accessKey: (id: string) => Promise<StoredSecret | undefined>;
  readonly applyChange: ApplyChange;
  readonly secrets: SecretKeeper;
  readonly random: Random;
  readonly now: () => Date;
}

interface Key {
  readonly id: string;
  readonly secret: Buffer;
  readonly isNew: boolean;
}

/**
 * Makes the account, its user `administrator` with AdministratorAccess, and an access key, where they are missing. Throws
 * ConfigError when a key must be made and there is no file for it, or when the given key is another user's.
 */
export async function ensureAdministrator(options: AdministratorOptions): Promise<void> {
  const key = await missingKey(options);
  if (!key) return;
  try {
    const wrapped = await options.secrets.wrap(key.id, key.secret);
    await addKey(options, key, wrapped);
  } finally {
    key.secret.fill(0);
  }
}

/** The key that has to be added; undefined when nothing is missing. */
async function missingKey({
  account,
  given,
  credentialsFile,
  storeOf,
  accessKey,
  random,
}: AdministratorOptions): Promise<Key | undefined> {
  const user = await storeOf(account).users.byName(administrator);
  if (given) {
    const known = await accessKey(given.accessKeyId);
    if (known && known.key.userId !== user?.id) {
      throw new ConfigError('KEYSTEAD_ADMIN_ACCESS_KEY_ID is the access key of another user.');
    }
    if (known) return undefined;
    return { id: given.accessKeyId, secret: Buffer.from(given.secretAccessKey, 'utf8'), isNew: false };
  }
  if (user && (await storeOf(account).accessKeys.ofUser(user.id)).length > 0) return undefined;
  if (credentialsFile === undefined) {
    throw new ConfigError(
      'The first administrator needs an access key: set KEYSTEAD_ADMIN_CREDENTIALS_FILE to have one made, or KEYSTEAD_ADMIN_ACCESS_KEY_ID and KEYSTEAD_ADMIN_SECRET_ACCESS_KEY.',
    );
  }
  return { id: accessKeyId(account, random), secret: secretAccessKey(random), isNew: true };
}

async function addKey(options: AdministratorOptions, key: Key, wrapped: Uint8Array): Promise<void> {
  const { account, applyChange, now } = options;
  await applyChange(account, async (store, touch) => {
    const createdAt = now();
    await store.account.add(createdAt);
    const user = (await store.users.byName(administrator)) ?? (await addUser(store, options, createdAt));
    // Another replica may have been quicker: its key is the one that was written down.
    if (key.isNew && (await store.accessKeys.ofUser(user.id)).length > 0)
      return { answer: undefined, record: undefined };
    const added = { account, id: key.id, userId: user.id, status: 'Active', createdAt, lastUse: undefined } as const;
    await store.accessKeys.add(added, wrapped);
    // Before the commit: a key in the database whose secret nobody has could never be had again.
    if (key.isNew && options.credentialsFile !== undefined) await writeCredentials(options.credentialsFile, key);
    touch(principalKey(user), accessKeyKey(added));
    return { answer: undefined, record: undefined };
  });
}

async function addUser(store: IamStore, { account, random }: AdministratorOptions, createdAt: Date): Promise<User> {
  const id = uniqueId('AIDA', random);
  const user = { account, id, name: administrator, path: '/', boundaryArn: undefined, tags: [], createdAt };
  await store.users.add(user);
  await store.holdings.attach({ kind: 'user', id, name: administrator }, administratorAccess, createdAt);
  return user;
}

async function writeCredentials(file: string, { id, secret }: Key): Promise<void> {
  const text = JSON.stringify({ accessKeyId: id, secretAccessKey: secret.toString('latin1') }, null, 2);
  await writeFile(`${file}.new`, `${text}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
}
