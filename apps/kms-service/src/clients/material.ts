import { KeysteadError } from '@keystead/errors';
import type { Key, Material, RotationType } from '../domain/key.js';
import { keySpec, keyUsage } from './hsm-names.js';
import type { HsmClient } from './hsm.js';

/** Which of a key's materials to make. */
export interface NewMaterial {
  readonly generation: number;
  readonly rotationType: RotationType | null;
}

/** RSA-4096 takes seconds, longer when others wait for theirs. */
const generateTimeoutMs = 60_000;

/** What of a key its tokens authenticate, in the words of the HSM. */
export function tokenFacts({ account, id, spec, usage, multiRegion }: Key) {
  return { account, keyId: id, keySpec: keySpec(spec), keyUsage: keyUsage(usage), multiRegion };
}

/** Lets the HSM make key material. Errors: DeadlineExceeded, Sealed, Throttling, Unavailable. */
export async function generateMaterial(hsm: HsmClient, key: Key, wanted: NewMaterial, now: Date): Promise<Material> {
  const { generation, rotationType } = wanted;
  const request = { ...tokenFacts(key), generation };
  const { token, materialId } = await hsm.request('generateKey', request, { timeoutMs: generateTimeoutMs });
  return {
    ...{ account: key.account, keyId: key.id, generation, materialId: materialIdText(materialId), token },
    ...{ createdAt: now, rotationType, rotatedAt: rotationType && now, validTo: null, description: null },
  };
}

/** 64 hex digits, as AWS shows it. Errors: Internal. */
export function materialIdText(bytes: Uint8Array): string {
  if (bytes.length !== 32) throw new KeysteadError('Internal', 'The HSM sent a material id of a wrong length.');
  return Buffer.from(bytes).toString('hex');
}
