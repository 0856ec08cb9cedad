import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { KeysteadError } from '@keystead/errors';
import { macHash, within } from './algorithms.js';
import { lending } from './bytes.js';
import { keySpec } from './key-specs.js';
import { fixedMaterialBytes, KEY_SPECS, usages } from './material.js';
import { tokenFields, type KeyReference, type KeyVault, type NewKey, type SealedKey } from './vault.js';

const MAX_MESSAGE_BYTES = 4096;
const MAX_MAC_BYTES = 6144;

/** Whether keys of this code make MACs. */
export function isMac(spec: number): boolean {
  return KEY_SPECS[spec - 1]?.startsWith('HMAC_') ?? false;
}

/** Makes an HMAC key as long as its hash, and returns it sealed. */
export async function generateMacKey(vault: KeyVault, wanted: NewKey): Promise<SealedKey> {
  const fields = tokenFields(wanted, vault.now());
  return lending(randomBytes(fixedMaterialBytes(fields.spec) as number), (material) => vault.seal(fields, material));
}

/** HMAC (FIPS 198-1) of 1 to 4,096 bytes; as long as its hash. Throws InvalidToken, InvalidKeyUsage. */
export function generateMac(vault: KeyVault, claim: KeyReference, message: Uint8Array, algorithm: number): Buffer {
  const { material, header } = vault.open(claim, usages.GENERATE_VERIFY_MAC);
  const hash = macHash(algorithm, keySpec(header.spec));
  within(message, MAX_MESSAGE_BYTES, 'message');
  return createHmac(hash, material).update(message).digest();
}

/** Throws KmsInvalidMac, without a message, unless this is the whole MAC of the message. */
export function verifyMac(
  vault: KeyVault,
  claim: KeyReference,
  { message, mac, macAlgorithm }: { message: Uint8Array; mac: Uint8Array; macAlgorithm: number },
): void {
  const expected = generateMac(vault, claim, message, macAlgorithm);
  within(mac, MAX_MAC_BYTES, 'mac');
  if (mac.length !== expected.length || !timingSafeEqual(mac, expected)) throw new KeysteadError('KmsInvalidMac', '');
}
