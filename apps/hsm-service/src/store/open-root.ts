import { zero } from '../domain/bytes.js';
import type { RootDevice } from '../domain/new-recipient.js';
import { keyFileRecipient, passphraseRecipient, SALT_BYTES, type NewRecipient } from '../domain/recipients.js';
import type { LiveRoot } from './live-root.js';
import { readOrMakeUnlock, readUnlock, type FileUnlock, type UnlockFile } from './unlock.js';
import { randomBytes } from 'node:crypto';

/**
 * Opens the root by a file, or makes it where there is none; an existing root is never overwritten, and a replica
 * (`mayCreate` false) makes none, but waits for that of its domain. True if it was made. Throws RootError with one sentence for the operator; the root then stays sealed.
 */
export async function openOrCreateRoot(root: LiveRoot, unlock: UnlockFile, mayCreate = true): Promise<boolean> {
  await root.look();
  if (root.condition !== 'UNINITIALIZED') {
    await withSecret(await readUnlock(unlock), (secret) => root.unseal(secret));
    return false;
  }
  if (!mayCreate) return false;
  await withSecret(await readOrMakeUnlock(unlock), async (secret) => {
    await create(root, NAMES[unlock.kind], await recipientOf(secret));
  });
  return true;
}

/** Takes over a root that another replica made; it must open by the secret in memory or by this file. Throws RootError. */
export async function takeRoot(root: LiveRoot, bytes: Buffer, unlock: UnlockFile): Promise<void> {
  let read: FileUnlock | undefined;
  try {
    await root.take(bytes, async () => (read = await readUnlock(unlock)));
  } finally {
    if (read) zero(read.secret);
  }
}

/** Opens the root by a device, or makes it where there is none and `mayCreate`. Throws RootError. */
export async function openOrCreateRootByDevice(
  root: LiveRoot,
  { keyOf, newRecipient }: Omit<RootDevice, 'name'>,
  mayCreate: boolean,
): Promise<boolean> {
  await root.look();
  const isNew = root.condition === 'UNINITIALIZED';
  if (!isNew) await root.unseal({ kind: 'PKCS11', keyOf });
  else if (mayCreate) await create(root, 'device', await newRecipient());
  return isNew && mayCreate;
}

async function create(root: LiveRoot, name: string, recipient: NewRecipient): Promise<void> {
  await root.create(name, recipient).finally(() => zero(recipient.kek));
}

const NAMES = { KEYFILE: 'key-file', PASSPHRASE: 'passphrase' } as const;

function recipientOf({ kind, secret }: FileUnlock): Promise<NewRecipient> | NewRecipient {
  return kind === 'KEYFILE' ? keyFileRecipient(secret) : passphraseRecipient(secret, randomBytes(SALT_BYTES));
}

async function withSecret<T>(unlock: FileUnlock, use: (unlock: FileUnlock) => Promise<T>): Promise<T> {
  try {
    return await use(unlock);
  } finally {
    zero(unlock.secret);
  }
}
