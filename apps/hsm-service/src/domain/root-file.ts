import { createCipheriv, createDecipheriv, createHash, timingSafeEqual } from 'node:crypto';
import { consuming, exactly, Reader, u64, uint, view, zero } from './bytes.js';
import { kdf } from './kdf.js';
import { BODY_BYTES, RECIPIENT_KINDS, type Recipient } from './recipients.js';
import { RootError } from './root-error.js';
import { decodeState, encodeState, type RootState } from './root-state.js';

/** The part of a root file that anybody may read. */
export interface RootHeader {
  /** 16 bytes that name the HSM domain. */
  readonly domain: Buffer;
  /** From 1, one more at each write. */
  readonly generation: bigint;
  /** Milliseconds since 1970 UTC. */
  readonly writtenMs: bigint;
  /** SHA-256 of the file of the generation before; zeros in the first. */
  readonly previousHash: Buffer;
  /** 1 to 8 ways to open the file. */
  readonly recipients: readonly Recipient[];
}

/** A root file taken apart: its checksum fits, nothing is authenticated yet. */
export interface SealedRoot {
  readonly header: RootHeader;
  /** SHA-256 of the whole file; the next generation names it. */
  readonly hash: Buffer;
  readonly commit: Buffer;
  readonly salt: Buffer;
  /** Everything before the ciphertext. */
  readonly aad: Buffer;
  readonly ciphertext: Buffer;
  readonly tag: Buffer;
}

/** Bytes of the salt of one write. */
export const ROOT_SALT_BYTES = 24;
/** No root file is larger. */
export const MAX_ROOT_BYTES = 1 << 20;

const MAGIC = Buffer.from('KSTDROOT\u0001', 'latin1');
const MAX_RECIPIENTS = 8;
const TAG_BYTES = 16;
const SUM_BYTES = 32;

/** Writes a root file. `rws` is the 32-byte root wrapping secret, `salt` 24 fresh random bytes. */
export function sealRoot(header: RootHeader, rws: Uint8Array, state: RootState, salt: Uint8Array): Buffer {
  exactly(salt, ROOT_SALT_BYTES, 'salt');
  const open = encodeHeader(header);
  const hash = sha256(open);
  const plaintext = encodeState(state);
  const aad = Buffer.concat([open, commitment(rws, hash), salt, uint(plaintext.length, 4)]);
  const sealed = consuming(contentKey(rws, salt, hash), (key) => {
    const cipher = createCipheriv('aes-256-gcm', key.subarray(0, 32), key.subarray(32), { authTagLength: TAG_BYTES });
    cipher.setAAD(aad);
    return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  });
  zero(plaintext);
  const file = Buffer.concat([aad, sealed]);
  return Buffer.concat([file, sha256(file)]);
}

/** Takes a root file apart. Throws RootError 'damaged' for torn bytes, 'unsupported' for another format. */
export function parseRoot(source: Uint8Array): SealedRoot {
  const bytes = view(source);
  const file = bytes.subarray(0, Math.max(0, bytes.length - SUM_BYTES));
  // The checksum needs no secret: it tells a torn write from a wrong passphrase.
  if (bytes.length > MAX_ROOT_BYTES || !sha256(file).equals(bytes.subarray(file.length))) throw damaged();
  try {
    return readRoot(file, sha256(bytes));
  } catch (error) {
    throw error instanceof RangeError ? unsupported('is not of the format that this version writes') : error;
  }
}

/**
 * Opens a root file with its root wrapping secret.
 * Throws RootError 'tampered' if the content was not written with this secret.
 */
export function openRoot(root: SealedRoot, rws: Uint8Array): RootState {
  const hash = sha256(root.aad.subarray(0, root.aad.length - 32 - ROOT_SALT_BYTES - 4));
  if (!timingSafeEqual(commitment(rws, hash), root.commit)) throw tampered();
  const plaintext = consuming(contentKey(rws, root.salt, hash), (key) => decrypt(key, root));
  return consuming(plaintext, decodeState);
}

function decrypt(key: Buffer, root: SealedRoot): Buffer {
  const cipher = createDecipheriv('aes-256-gcm', key.subarray(0, 32), key.subarray(32), { authTagLength: TAG_BYTES });
  cipher.setAAD(root.aad).setAuthTag(root.tag);
  const plaintext = cipher.update(root.ciphertext);
  try {
    cipher.final();
    return plaintext;
  } catch {
    zero(plaintext);
    throw tampered();
  }
}

function encodeHeader(h: RootHeader): Buffer {
  exactly(h.domain, 16, 'domain');
  exactly(h.previousHash, 32, 'previous hash');
  if (h.recipients.length < 1 || h.recipients.length > MAX_RECIPIENTS)
    throw new RangeError('recipients: 1 to 8 wanted');
  const head = [MAGIC, uint(h.recipients.length, 1), Buffer.alloc(2), h.domain];
  return Buffer.concat([
    ...head,
    u64(h.generation),
    u64(h.writtenMs),
    h.previousHash,
    ...h.recipients.map(encodeRecipient),
  ]);
}

function encodeRecipient({ kind, body }: Recipient): Buffer {
  return Buffer.concat([uint(RECIPIENT_KINDS.indexOf(kind), 1), uint(0, 1), uint(body.length, 2), body]);
}

function readRoot(file: Buffer, hash: Buffer): SealedRoot {
  const reader = new Reader(file);
  const header = readHeader(reader);
  const commit = reader.take(32);
  const salt = reader.take(ROOT_SALT_BYTES);
  const length = reader.uint(4);
  const aad = file.subarray(0, reader.position);
  const ciphertext = reader.take(length);
  const tag = reader.take(TAG_BYTES);
  if (reader.remaining > 0) throw unsupported('has bytes after its end');
  return { header, hash, commit, salt, aad, ciphertext, tag };
}

function readHeader(reader: Reader): RootHeader {
  if (!reader.take(MAGIC.length).equals(MAGIC)) throw unsupported('is not a Keystead root file of version 1');
  const count = reader.uint(1);
  if (count < 1 || count > MAX_RECIPIENTS || reader.uint(2) !== 0) throw unsupported('has a malformed header');
  const domain = reader.take(16);
  const [generation, writtenMs] = [reader.u64(), reader.u64()];
  const previousHash = reader.take(32);
  return {
    domain,
    generation,
    writtenMs,
    previousHash,
    recipients: Array.from({ length: count }, () => readRecipient(reader)),
  };
}

function readRecipient(reader: Reader): Recipient {
  const kind = RECIPIENT_KINDS[reader.uint(1)];
  const reserved = reader.uint(1);
  const body = reader.take(reader.uint(2));
  if (!kind || reserved !== 0) throw unsupported('has a recipient of unknown kind');
  if ((BODY_BYTES[kind] ?? body.length) !== body.length) throw unsupported(`has a malformed ${kind} recipient`);
  return { kind, body };
}

function commitment(rws: Uint8Array, hash: Buffer): Buffer {
  exactly(rws, 32, 'root wrapping secret');
  return kdf(rws, 'keystead/v1/root-commit', hash, 32);
}

function contentKey(rws: Uint8Array, salt: Uint8Array, hash: Buffer): Buffer {
  return kdf(rws, 'keystead/v1/root-seal', Buffer.concat([salt, hash]), 44);
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function damaged(): RootError {
  return new RootError('damaged', 'The root file is damaged: its checksum does not fit.');
}

function unsupported(why: string): RootError {
  return new RootError('unsupported', `The root file ${why}.`);
}

function tampered(): RootError {
  return new RootError('tampered', 'The root file was changed by somebody who is not this HSM.');
}
