import { randomBytes } from 'node:crypto';
import { RootError } from '../domain/root-error.js';
import { createDurably, readIfThere } from './files.js';

/** Where the secret that opens the root lies: 32 raw bytes, or a passphrase in one line. */
export interface UnlockFile {
  readonly kind: 'KEYFILE' | 'PASSPHRASE';
  readonly path: string;
}

/** The secret that was read. */
export interface FileUnlock {
  readonly kind: UnlockFile['kind'];
  readonly secret: Buffer;
}

/** Reads the secret of an existing root. The caller overwrites it after use. */
export async function readUnlock({ kind, path }: UnlockFile): Promise<FileUnlock> {
  const bytes = await readIfThere(path);
  if (!bytes) throw new RootError('wrong-secret', `${NAMES[kind]} ${path} is missing: the root cannot be opened.`);
  return { kind, secret: kind === 'KEYFILE' ? keyFile(bytes, path) : passphrase(bytes, path) };
}

/** Reads the secret for a new root; a key file is made, with mode 0600, if it is missing. */
export async function readOrMakeUnlock(file: UnlockFile): Promise<FileUnlock> {
  if (file.kind === 'KEYFILE') await createDurablyIfMissing(file.path);
  return readUnlock(file);
}

async function createDurablyIfMissing(path: string): Promise<void> {
  if (await readIfThere(path)) return;
  const key = randomBytes(32);
  await createDurably(path, key);
  key.fill(0);
}

function keyFile(bytes: Buffer, path: string): Buffer {
  if (bytes.length === 32) return bytes;
  throw new RootError('wrong-secret', `Key file ${path} must hold exactly 32 bytes.`);
}

/** The bytes of the file without the end of its line. A Buffer, never a string, so that it can be overwritten. */
function passphrase(bytes: Buffer, path: string): Buffer {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end--;
  if (end === 0) throw new RootError('wrong-secret', `Passphrase file ${path} is empty.`);
  return bytes.subarray(0, end);
}

const NAMES = { KEYFILE: 'Key file', PASSPHRASE: 'Passphrase file' } as const;
