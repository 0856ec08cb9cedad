import { gcmsiv } from '@noble/ciphers/aes.js';
import { KeysteadError } from '@keystead/errors';
import { consuming, exactly, Reader, u64, uint, view } from './bytes.js';
import { kdf } from './kdf.js';
import {
  fixedMaterialBytes,
  isMaterial,
  KEY_SPECS,
  MATERIAL_ID_BYTES,
  materialId,
  USAGE_MASK,
  usages,
} from './material.js';

/** What a key token says about its material; all of it is authenticated. */
export interface TokenHeader {
  /** Bits of `usages`. */
  readonly usage: number;
  /** 1 to 20, the place in `KEY_SPECS`. */
  readonly spec: number;
  /** 0 AWS_KMS, 1 EXTERNAL, 2 AWS_CLOUDHSM, 3 EXTERNAL_KEY_STORE. */
  readonly origin: number;
  readonly multiRegion: boolean;
  /** The domain key that wraps the material. */
  readonly epoch: number;
  /** 16 bytes that name the HSM domain. */
  readonly domain: Buffer;
  /** The 12 digits of the owner as a number. */
  readonly account: bigint;
  /** The UUID's 16 bytes, or the 32 hex digits of an mrk- id. */
  readonly keyId: Buffer;
  /** 32 bytes. */
  readonly materialId: Buffer;
  /** Milliseconds since 1970 UTC. */
  readonly createdMs: bigint;
  /** Counts the materials of a key from 0. */
  readonly generation: number;
}

/** A token taken apart, not yet authenticated. */
export interface ParsedToken {
  readonly header: TokenHeader;
  readonly bytes: Buffer;
}

/** Salt and nonce of one token: 28 fresh random bytes. */
export const TOKEN_RANDOM_BYTES = 28;
/** How much longer a token is than the material in it. */
export const TOKEN_OVERHEAD = 148;
/** No token is longer (proto/keystead/hsm/v1). */
export const MAX_TOKEN_BYTES = 8192;

// "KST" | '1' format | 0x01 suite: AES-256-GCM-SIV under a key derived for this token alone
const PREFIX = Buffer.from([0x4b, 0x53, 0x54, 0x31, 0x01]);
const SALT_AT = 104;
const SALT_BYTES = 16;
const AAD_BYTES = 132;
const MAX_ACCOUNT = 999_999_999_999n;

/** Wraps material under a domain key. The material id is computed here, so that a token never lies about it. */
export function sealToken(
  domainKey: Uint8Array,
  fields: Omit<TokenHeader, 'materialId'>,
  material: Uint8Array,
  random: Uint8Array,
): Buffer {
  return consuming(tokenKey(domainKey, saltOf(random), fields), (key) =>
    sealUnderTokenKey(key, fields, material, random),
  );
}

/** The same with a token key that was derived elsewhere, from `tokenKeyContext`. */
export function sealUnderTokenKey(
  key: Uint8Array,
  fields: Omit<TokenHeader, 'materialId'>,
  material: Uint8Array,
  random: Uint8Array,
): Buffer {
  exactly(random, TOKEN_RANDOM_BYTES, 'random');
  const header = { ...fields, materialId: materialId(material, fields.keyId) };
  const aad = Buffer.concat([encodeHeader(header, material.length), random]);
  parseToken(Buffer.concat([aad, Buffer.alloc(material.length + 16)]));
  return Buffer.concat([aad, gcmsiv(key, random.subarray(SALT_BYTES), aad).encrypt(material)]);
}

/**
 * Authenticates a token and returns its material, which the caller overwrites after use.
 * Throws InvalidToken if the domain key is another one or any bit of the token was changed.
 */
export function openToken(domainKey: Uint8Array, token: ParsedToken): Buffer {
  return consuming(tokenKey(domainKey, saltIn(token), token.header), (key) => openUnderTokenKey(key, token));
}

/** The same with a token key that was derived elsewhere, from `tokenKeyContext`. */
export function openUnderTokenKey(key: Uint8Array, token: ParsedToken): Buffer {
  const material = unwrap(key, token.bytes.subarray(0, AAD_BYTES), token.bytes);
  if (isMaterial(material, token.header.keyId, token.header.materialId)) return material;
  material.fill(0);
  throw invalidToken();
}

function unwrap(key: Uint8Array, aad: Buffer, token: Buffer): Buffer {
  try {
    return view(gcmsiv(key, aad.subarray(SALT_AT + SALT_BYTES), aad).decrypt(token.subarray(AAD_BYTES)));
  } catch {
    throw invalidToken();
  }
}

/** The salt in the random bytes of a token to be. */
export function saltOf(random: Uint8Array): Uint8Array {
  return random.subarray(0, SALT_BYTES);
}

/** The salt of a token. */
export function saltIn({ bytes }: ParsedToken): Buffer {
  return bytes.subarray(SALT_AT, SALT_AT + SALT_BYTES);
}

/** Label of the derivation of token keys (SP 800-108), of 32 bytes: one HMAC. */
export const TOKEN_KEY_LABEL = 'keystead/v1/token';

/** Context of the derivation of the key of one token. */
export function tokenKeyContext({ domain, epoch }: Pick<TokenHeader, 'domain' | 'epoch'>, salt: Uint8Array): Buffer {
  return Buffer.concat([domain, uint(epoch, 4), salt]);
}

function tokenKey(domainKey: Uint8Array, salt: Uint8Array, of: Pick<TokenHeader, 'domain' | 'epoch'>): Buffer {
  exactly(domainKey, 32, 'domain key');
  return kdf(domainKey, TOKEN_KEY_LABEL, tokenKeyContext(of, salt), 32);
}

function encodeHeader(h: TokenHeader, length: number): Buffer {
  exactly(h.domain, 16, 'domain');
  exactly(h.keyId, 16, 'key id');
  const kind = [uint(h.usage, 1), uint(h.spec, 2), uint(h.origin, 1), uint(h.multiRegion ? 1 : 0, 1), Buffer.alloc(2)];
  const owner = [uint(h.epoch, 4), h.domain, u64(h.account), h.keyId, h.materialId];
  return Buffer.concat([PREFIX, ...kind, ...owner, u64(h.createdMs), uint(h.generation, 4), uint(length, 4)]);
}

/** Takes a token apart. Throws InvalidToken for anything that `sealToken` would not have written. */
export function parseToken(source: Uint8Array): ParsedToken {
  const bytes = view(source);
  if (bytes.length <= TOKEN_OVERHEAD || bytes.length > MAX_TOKEN_BYTES) throw invalidToken();
  const reader = new Reader(bytes);
  if (!reader.take(PREFIX.length).equals(PREFIX)) throw invalidToken();
  const header = readHeader(reader);
  const length = reader.uint(4);
  if (length !== bytes.length - TOKEN_OVERHEAD || !isCanonical(header, length)) throw invalidToken();
  return { header, bytes };
}

function readHeader(reader: Reader): TokenHeader {
  const [usage, spec, origin, flags, reserved] = [1, 2, 1, 1, 2].map((n) => reader.uint(n)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  if (flags > 1 || reserved !== 0) throw invalidToken();
  return {
    ...{ usage, spec, origin, multiRegion: flags === 1 },
    epoch: reader.uint(4),
    domain: reader.take(16),
    account: reader.u64(),
    keyId: reader.take(16),
    materialId: reader.take(MATERIAL_ID_BYTES),
    createdMs: reader.u64(),
    generation: reader.uint(4),
  };
}

function isCanonical(header: TokenHeader, length: number): boolean {
  const { usage, spec, origin, account } = header;
  if (usage === 0 || (usage & ~USAGE_MASK) !== 0 || origin > 3 || account > MAX_ACCOUNT) return false;
  if (spec < 1 || spec > KEY_SPECS.length) return false;
  // An import token names the spec of the key that waits; in it is a wrapping key.
  return usage === usages.IMPORT_WRAP || (fixedMaterialBytes(spec) ?? length) === length;
}

function invalidToken(): KeysteadError {
  return new KeysteadError('InvalidToken', 'The key token was not made by this HSM domain or has been changed.');
}
