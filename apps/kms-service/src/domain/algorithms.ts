import { KeysteadError } from '@keystead/errors';
import type { Key } from './key.js';
import { algorithmsOf } from './key-spec.js';

/** Refuses an algorithm that the key does not have. Errors: InvalidKeyUsage. */
export function requireAlgorithm({ spec, usage }: Pick<Key, 'spec' | 'usage'>, algorithm: string): void {
  if (algorithmsOf(spec, usage)?.includes(algorithm)) return;
  throw new KeysteadError('InvalidKeyUsage', `Algorithm ${algorithm} is incompatible with key spec ${spec}.`);
}

/** Refuses an encryption context where nothing authenticates it. Errors: Validation. */
export function requireNoContext(spec: string, context: Readonly<Record<string, string>>): void {
  if (spec === 'SYMMETRIC_DEFAULT' || Object.keys(context).length === 0) return;
  throw invalid('EncryptionContext is not supported when encrypting/decrypting with asymmetric CMKs.');
}

/** The longest plaintext that RSA-OAEP takes: the modulus less two hashes and two bytes (RFC 8017 §7.1.1). */
export function maxPlaintext(spec: string, algorithm: string): number {
  const modulus = /^RSA_(\d+)$/.exec(spec)?.[1];
  if (modulus === undefined) return 4_096;
  return Number(modulus) / 8 - 2 * (algorithm === 'RSAES_OAEP_SHA_1' ? 20 : 32) - 2;
}

/** Refuses a plaintext that does not fit. Errors: Validation. */
export function requireFits({ spec }: Pick<Key, 'spec'>, algorithm: string, plaintext: Uint8Array): void {
  const most = maxPlaintext(spec, algorithm);
  if (plaintext.length <= most) return;
  throw invalid(`Algorithm ${algorithm} and key spec ${spec} cannot encrypt data larger than ${most} bytes.`);
}

/** The length of a digest in bytes: what MessageType DIGEST takes; undefined where there is none. */
function digestLength(algorithm: string): number | undefined {
  if (algorithm === 'ED25519_PH_SHA_512') return 64;
  const bits = /_SHA_(256|384|512)$/.exec(algorithm)?.[1];
  return bits === undefined || algorithm.startsWith('ED25519') ? undefined : Number(bits) / 8;
}

/** The message types of an algorithm. https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html */
function messageTypes(algorithm: string): readonly string[] {
  switch (algorithm) {
    case 'ED25519_SHA_512':
      return ['RAW'];
    case 'ED25519_PH_SHA_512':
      return ['DIGEST'];
    case 'ML_DSA_SHAKE_256':
      return ['RAW', 'EXTERNAL_MU'];
    default:
      return ['RAW', 'DIGEST'];
  }
}

/** μ of FIPS 204, algorithm 7. */
const muLength = 64;

/** Refuses a message that the algorithm does not take in this form. Errors: Validation. */
export function requireMessage(algorithm: string, messageType: string, message: Uint8Array): void {
  if (!messageTypes(algorithm).includes(messageType))
    throw invalid(`Message type ${messageType} is incompatible with algorithm ${algorithm}.`);
  if (messageType === 'DIGEST' && message.length !== digestLength(algorithm))
    throw invalid(`Digest is invalid length for algorithm ${algorithm}.`);
  if (messageType === 'EXTERNAL_MU' && message.length !== muLength)
    throw invalid(`External Mu is invalid length for algorithm ${algorithm}.`);
}

function invalid(message: string): KeysteadError {
  return new KeysteadError('Validation', message);
}
