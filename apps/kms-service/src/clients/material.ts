import { KeySpec, KeyUsage } from '@keystead/proto/hsm';
import { KeysteadError } from '@keystead/errors';
import type { Material, RotationType } from '../domain/key.js';
import type { HsmClient } from './hsm.js';

/** What a new material is for; all of it is authenticated in its token. */
export interface NewMaterial {
  readonly account: string;
  readonly keyId: string;
  readonly generation: number;
  readonly rotationType: RotationType | null;
}

const generateTimeoutMs = 10_000;

/** Lets the HSM make symmetric key material. Errors: Unavailable, Sealed. */
export async function generateMaterial(hsm: HsmClient, wanted: NewMaterial, now: Date): Promise<Material> {
  const { account, keyId, generation } = wanted;
  const request = {
    ...{ account, keyId, generation, multiRegion: false },
    keySpec: KeySpec.KEY_SPEC_SYMMETRIC_DEFAULT,
    keyUsage: KeyUsage.KEY_USAGE_ENCRYPT_DECRYPT,
  };
  const { token, materialId } = await hsm.request('generateKey', request, { timeoutMs: generateTimeoutMs });
  if (materialId.length !== 32) throw new KeysteadError('Internal', 'The HSM sent a material id of a wrong length.');
  return { ...wanted, materialId: Buffer.from(materialId).toString('hex'), token, createdAt: now };
}
