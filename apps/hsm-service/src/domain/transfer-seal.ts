import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import { ml_kem1024 } from '@noble/post-quantum/ml-kem.js';
import { consuming, view, zero } from './bytes.js';
import { kdf } from './kdf.js';
import { privateKeyOf, publicDer } from './key-pairs.js';

// ADR 0023. An identity is X25519 scalar 32 | Ed25519 seed 32 | ML-KEM-1024 seed 64, derived from a domain key.
export const IDENTITY_BYTES = 128;

// "KSDC" 0x01 | domain 16 | epoch 4 | X25519 32 | Ed25519 32 | ML-KEM-1024 1568 | signature 64
const CERTIFICATE_PREFIX = Buffer.from('KSDC\u0001', 'latin1');
const KEM_BYTES = 1568;
const SIGNATURE_BYTES = 64;
const CERTIFICATE_BYTES = 5 + 20 + 64 + KEM_BYTES + SIGNATURE_BYTES;
const TAG_BYTES = 16;

/** The public keys of a domain, which its own Ed25519 key has signed. */
export interface Certificate {
  /** 16 bytes that name the domain, and the epoch of the domain key behind the keys. */
  readonly name: Buffer;
  readonly x25519: Buffer;
  readonly ed25519: Buffer;
  readonly kem: Buffer;
}

/** Makes the certificate of a domain; `name` is domain and epoch, 20 bytes. */
export function makeCertificate(identity: Uint8Array, name: Uint8Array): Buffer {
  const { publicKey, secretKey } = ml_kem1024.keygen(identity.subarray(64));
  secretKey.fill(0);
  const body = Buffer.concat([
    CERTIFICATE_PREFIX,
    name,
    rawPublic(agreementKey(identity)),
    rawPublic(signatureKey(identity)),
    publicKey,
  ]);
  return Buffer.concat([body, sign(null, body, signatureKey(identity))]);
}

/** Takes a certificate apart and checks its signature; undefined for anything else. */
export function parseCertificate(source: Uint8Array): Certificate | undefined {
  const bytes = view(source);
  if (bytes.length !== CERTIFICATE_BYTES || !bytes.subarray(0, 5).equals(CERTIFICATE_PREFIX)) return undefined;
  const [name, x25519, ed25519] = [bytes.subarray(5, 25), bytes.subarray(25, 57), bytes.subarray(57, 89)];
  const body = bytes.subarray(0, -SIGNATURE_BYTES);
  if (!verify(null, body, publicKey('ed25519', ed25519), bytes.subarray(-SIGNATURE_BYTES))) return undefined;
  return { name, x25519, ed25519, kem: bytes.subarray(89, 89 + KEM_BYTES) };
}

/**
 * Seals material for the owner of a certificate: head | X25519 32 | ML-KEM capsule 1568 | ciphertext | tag 16 |
 * signature 64. The secret is safe as long as one of X25519 and ML-KEM is.
 */
export function sealTransfer({
  material,
  head,
  certificate,
}: {
  material: Uint8Array;
  head: Uint8Array;
  certificate: Uint8Array;
}): Buffer {
  const target = parseCertificate(certificate);
  if (!target) throw new RangeError('certificate: malformed');
  const [identity, secret] = [material.subarray(0, IDENTITY_BYTES), material.subarray(IDENTITY_BYTES)];
  const ephemeral = generateKeyPairSync('x25519').privateKey;
  const { cipherText, sharedSecret } = ml_kem1024.encapsulate(target.kem);
  const aad = Buffer.concat([head, rawPublic(ephemeral), cipherText]);
  const shared = Buffer.concat([sharedSecret, agree(ephemeral, target.x25519)]);
  const body = consuming(messageKey(shared, aad), (key) => {
    const cipher = createCipheriv('aes-256-gcm', key.subarray(0, 32), key.subarray(32), { authTagLength: TAG_BYTES });
    cipher.setAAD(aad);
    return Buffer.concat([aad, cipher.update(secret), cipher.final(), cipher.getAuthTag()]);
  });
  zero(sharedSecret, shared);
  return Buffer.concat([body, sign(null, body, signatureKey(identity))]);
}

/** Opens a transfer of the owner of `certificate`; undefined if it is not whole, not theirs or not for this identity. */
export function openTransfer(of: {
  material: Uint8Array;
  transfer: Uint8Array;
  certificate: Uint8Array;
  headBytes: number;
}): Buffer | undefined {
  const [source, transfer] = [parseCertificate(of.certificate), view(of.transfer)];
  const start = of.headBytes + 32 + KEM_BYTES;
  if (!source || transfer.length <= start + TAG_BYTES + SIGNATURE_BYTES) return undefined;
  const body = transfer.subarray(0, -SIGNATURE_BYTES);
  if (!verify(null, body, publicKey('ed25519', source.ed25519), transfer.subarray(-SIGNATURE_BYTES))) return undefined;
  const aad = body.subarray(0, start);
  const kem = consuming(ml_kem1024.keygen(of.material.subarray(64)).secretKey, (key) =>
    ml_kem1024.decapsulate(aad.subarray(-KEM_BYTES), key),
  );
  const shared = Buffer.concat([kem, agree(agreementKey(of.material), aad.subarray(of.headBytes, of.headBytes + 32))]);
  try {
    return consuming(messageKey(shared, aad), (key) => decrypt(key, aad, body.subarray(start)));
  } finally {
    zero(kem, shared);
  }
}

function decrypt(key: Buffer, aad: Buffer, sealed: Buffer): Buffer | undefined {
  const cipher = createDecipheriv('aes-256-gcm', key.subarray(0, 32), key.subarray(32), { authTagLength: TAG_BYTES });
  cipher.setAAD(aad).setAuthTag(sealed.subarray(-TAG_BYTES));
  const plaintext = cipher.update(sealed.subarray(0, -TAG_BYTES));
  try {
    cipher.final();
    return plaintext;
  } catch {
    zero(plaintext);
    return undefined;
  }
}

function messageKey(shared: Uint8Array, aad: Uint8Array): Buffer {
  return kdf(shared, 'keystead/v1/transfer-seal', createHash('sha256').update(aad).digest(), 44);
}

function agree(privateKey: KeyObject, peer: Uint8Array): Buffer {
  return diffieHellman({ privateKey, publicKey: publicKey('x25519', peer) });
}

// RFC 8410: the DER before the 32 bytes of a key.
const PKCS8 = { x25519: '302e020100300506032b656e04220420', ed25519: '302e020100300506032b657004220420' } as const;
const SPKI = { x25519: '302a300506032b656e032100', ed25519: '302a300506032b6570032100' } as const;

const agreementKey = (identity: Uint8Array): KeyObject => privateKey('x25519', identity.subarray(0, 32));
const signatureKey = (identity: Uint8Array): KeyObject => privateKey('ed25519', identity.subarray(32, 64));

function privateKey(kind: keyof typeof PKCS8, secret: Uint8Array): KeyObject {
  return consuming(Buffer.concat([Buffer.from(PKCS8[kind], 'hex'), secret]), privateKeyOf);
}

function publicKey(kind: keyof typeof SPKI, raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([Buffer.from(SPKI[kind], 'hex'), raw]), format: 'der', type: 'spki' });
}

function rawPublic(key: KeyObject): Buffer {
  return publicDer(key).subarray(-32);
}
