import { randomBytes } from 'node:crypto';
import { consuming, zero } from '../domain/bytes.js';
import { DomainKeys } from '../domain/domain-keys.js';
import { recipientFor, unwrapBy, type Unlock } from '../domain/recipients.js';
import { openRoot, ROOT_SALT_BYTES, sealRoot, type SealedRoot } from '../domain/root-file.js';
import { loadRoot, saveRoot } from './root-store.js';
import { readOrMakeUnlock, readUnlock, type UnlockFile } from './unlock.js';

/** The root of a running HSM. */
export interface OpenedRoot {
  readonly file: SealedRoot;
  readonly keys: DomainKeys;
  /** True if this start made it. */
  readonly created: boolean;
  /** Newer generations that were damaged and passed over. */
  readonly damaged: readonly bigint[];
}

/**
 * Opens the root in a directory, or makes it where there is none; an existing root is never overwritten.
 * Throws RootError with one sentence for the operator.
 */
export async function openOrCreateRoot(directory: string, unlock: UnlockFile, now: Date): Promise<OpenedRoot> {
  const stored = await loadRoot(directory);
  if (!stored) {
    const file = await withSecret(await readOrMakeUnlock(unlock), (secret) => createRoot(directory, secret, now));
    return { file, damaged: [], created: true, keys: await unseal(file, unlock) };
  }
  return { file: stored.root, damaged: stored.damaged, created: false, keys: await unseal(stored.root, unlock) };
}

async function unseal(file: SealedRoot, from: UnlockFile): Promise<DomainKeys> {
  const rws = await withSecret(await readUnlock(from), (unlock) => unwrapBy(unlock, file.header.recipients));
  return new DomainKeys(Buffer.from(file.header.domain), consuming(rws, () => openRoot(file, rws)).domainKeys);
}

async function createRoot(directory: string, unlock: Unlock, now: Date): Promise<SealedRoot> {
  const [rws, key] = [randomBytes(32), randomBytes(32)];
  const at = BigInt(now.getTime());
  const header = {
    domain: randomBytes(16),
    ...{ generation: 1n, writtenMs: at, previousHash: Buffer.alloc(32) },
    recipients: [await recipientFor(unlock, rws, randomBytes(16))],
  };
  const state = { domainKeys: [{ epoch: 1, state: 'ACTIVE', createdMs: at, key }] } as const;
  const bytes = sealRoot(header, rws, state, randomBytes(ROOT_SALT_BYTES));
  zero(rws, key);
  return saveRoot(directory, bytes);
}

async function withSecret<T>(unlock: Unlock, use: (unlock: Unlock) => Promise<T>): Promise<T> {
  try {
    return await use(unlock);
  } finally {
    zero(unlock.secret);
  }
}
