import { createSign, sign, type KeyObject, type Sign } from 'node:crypto';

/** What works in a Sign. Node calls `init` when it makes one; nothing else gets at it. */
interface NativeSign {
  init(hash: string): void;
}

interface Signer {
  readonly sign: Sign;
  readonly native: NativeSign;
}

/** Waits for the next message. */
let idle: Signer | undefined;

/**
 * Signs a message by ECDSA as `crypto.sign` does, DER. A Sign is used again and again (ADR 190): the objects that
 * `crypto.sign` makes and drops for each signature are a twentieth of the price of one on P-256.
 */
export function ecdsaSign(hash: string, message: Uint8Array, key: KeyObject): Buffer {
  const signer = begin(hash);
  if (!signer) return sign(hash, message, key);
  const signature = signer.sign.update(message).sign(key);
  // Only now: one that threw may be left half way, and must not begin another message.
  idle = signer;
  return signature;
}

/** A Sign at its beginning; undefined where Node is not built as we know it. */
function begin(hash: string): Signer | undefined {
  const signer = idle;
  idle = undefined;
  if (!signer) return signerOf(createSign(hash));
  signer.native.init(hash);
  return signer;
}

function signerOf(fresh: Sign): Signer | undefined {
  const name = Object.getOwnPropertySymbols(fresh).find(({ description }) => description === 'kHandle');
  const native = name && (fresh as unknown as Record<symbol, Partial<NativeSign> | undefined>)[name];
  return typeof native?.init === 'function' ? { sign: fresh, native: native as NativeSign } : undefined;
}
