import { KeysteadError } from '@keystead/errors';
import { openBlob, MESSAGE_NONCE_BYTES, sealBlob } from './blob.js';
import { consuming, lending, Reader, u64, uint, view } from './bytes.js';
import { kdf } from './kdf.js';
import { formatKeyId } from './identity.js';
import { SYMMETRIC_DEFAULT, usages } from './material.js';
import type { Random } from './random-pool.js';
import type { OpenKey } from './token-cache.js';
import type { KeyReference, KeyVault, TokenFields } from './vault.js';

const CONTEXT = { purpose: 'wrapped-key' };
const MAX_WRAPPED_BYTES = 6144;

/**
 * Wraps a key under a symmetric one. What wraps is derived from the symmetric key and is never the key itself, so that
 * Decrypt does not open it: a wrapped key is as closed as its token. Throws InvalidToken, InvalidKeyUsage.
 */
export function wrapKey(vault: KeyVault, random: Random, wrapping: KeyReference, key: KeyReference): Buffer {
  const { kek, materialId } = wrapper(vault, wrapping);
  return consuming(kek, () => {
    const { header, material } = vault.openAny(key);
    const head = [uint(header.usage, 1), uint(header.spec, 2), uint(header.origin, 1), header.keyId];
    const plain = Buffer.concat([...head, u64(header.createdMs), uint(header.generation, 4), material]);
    return consuming(plain, () => sealBlob(kek, materialId, random(MESSAGE_NONCE_BYTES), plain, CONTEXT));
  });
}

/** The key in a new token. Throws InvalidCiphertext, InvalidToken, InvalidKeyUsage. */
export async function unwrapKey(
  vault: KeyVault,
  wrapping: KeyReference,
  wrapped: Uint8Array,
): Promise<{ token: Buffer; keyId: string }> {
  if (wrapped.length > MAX_WRAPPED_BYTES) throw new KeysteadError('Validation', 'wrapped key: at most 6144 bytes.');
  const { kek, materialId } = wrapper(vault, wrapping);
  const plain = consuming(kek, () => openBlob(kek, materialId, view(wrapped), CONTEXT));
  return lending(plain, async () => {
    const reader = new Reader(plain);
    const [usage, spec, origin] = [reader.uint(1), reader.uint(2), reader.uint(1)];
    const keyId = Buffer.from(reader.take(16));
    const [createdMs, generation] = [reader.u64(), reader.uint(4)];
    const fields: TokenFields = { usage, spec, origin, keyId, createdMs, generation, account: 0n, multiRegion: false };
    const { token } = await vault.seal(fields, reader.take(reader.remaining));
    return { token, keyId: formatKeyId(keyId, false) };
  });
}

function wrapper(vault: KeyVault, wrapping: KeyReference): { kek: Buffer; materialId: Buffer } {
  const { material, header }: OpenKey = vault.open(wrapping, usages.ENCRYPT_DECRYPT);
  if (header.spec !== SYMMETRIC_DEFAULT) throw new KeysteadError('InvalidKeyUsage', 'A symmetric key wraps keys.');
  return { kek: kdf(material, 'keystead/v1/partition-wrap', header.materialId, 32), materialId: header.materialId };
}
