import { defaultPolicy } from '../../src/domain/key-policy.js';
import { keyArn, type Key, type Material } from '../../src/domain/key.js';

const account = '111122223333';
const id = '1234abcd-12ab-34cd-56ef-1234567890ab';
const createdAt = new Date('2026-01-01T00:00:00Z');

/** An enabled symmetric key, with what a test changes of it. */
export function key(change: Partial<Key> = {}): Key {
  return {
    ...{
      account,
      id,
      arn: keyArn('us-east-1', account, id),
      description: '',
      spec: 'SYMMETRIC_DEFAULT',
      usage: 'ENCRYPT_DECRYPT',
    },
    ...{ origin: 'AWS_KMS', manager: 'CUSTOMER', multiRegion: false, state: 'Enabled', createdAt, deletionDate: null },
    ...{
      policy: defaultPolicy(account),
      principals: {},
      generation: 0,
      rotationPeriodDays: null,
      nextRotationAt: null,
    },
    ...{ onDemandRotations: 0, ...change },
  };
}

export function material(generation: number, change: Partial<Material> = {}): Material {
  const rotationType = generation === 0 ? null : ('ON_DEMAND' as const);
  const materialId = generation.toString(16).padStart(64, '0');
  return {
    ...{ account, keyId: id, generation, materialId, token: new Uint8Array(180), createdAt, rotationType },
    ...{ rotatedAt: rotationType && createdAt, validTo: null, description: null, ...change },
  };
}
