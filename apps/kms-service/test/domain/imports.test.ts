import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  deleteMaterial,
  expired,
  imported,
  planImport,
  requireWrapping,
  type ImportWish,
  type Stored,
} from '../../src/domain/imports.js';
import { cancelDeletion, disable, enable, scheduleDeletion } from '../../src/domain/lifecycle.js';
import { requireOnDemandRotation, requirePending, rotated, rotatedIn } from '../../src/domain/rotation.js';
import type { Material } from '../../src/domain/key.js';
import { key } from './keys.js';

const now = new Date('2026-06-01T00:00:00Z');
const days = (count: number): Date => new Date(now.getTime() + count * 86_400_000);
const wish: ImportWish = {
  ...{ validTo: undefined, expirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE', importType: undefined },
  ...{ description: undefined, keyMaterialId: undefined },
};
const idOf = (content: number): string => content.toString(16).padStart(64, '0');
const empty: Stored = { key: key({ origin: 'EXTERNAL', state: 'PendingImport' }), materials: [] };

/** What happens when `content` is imported. */
function importInto(stored: Stored, content: number, change: Partial<ImportWish> = {}): Stored {
  const plan = planImport(stored, { ...wish, ...change }, now);
  const materialId = idOf(content);
  if (plan.expected !== undefined && plan.expected !== materialId)
    throw Object.assign(new Error('the HSM refuses other material'), { code: 'IncorrectKeyMaterial' });
  const generation = stored.materials.find((one) => one.materialId === materialId)?.generation ?? plan.generation;
  const opened = { materialId, token: new Uint8Array(180), generation };
  const { key: changed, material } = imported(stored, plan, opened, change.description, now);
  return { key: changed, materials: put(stored.materials, material) };
}

function put(materials: readonly Material[], material: Material): Material[] {
  return [...materials.filter(({ materialId }) => materialId !== material.materialId), material];
}

function drop(stored: Stored, content?: number): Stored {
  const { key: changed, material, forget } = deleteMaterial(stored, content === undefined ? undefined : idOf(content));
  if (!material) return { ...stored, key: changed };
  const others = stored.materials.filter(({ materialId }) => materialId !== material.materialId);
  return { key: changed, materials: forget ? others : [...others, material] };
}

function rotate(stored: Stored): Stored {
  requireOnDemandRotation(stored.key, now);
  const material = rotatedIn(requirePending(stored), 'ON_DEMAND', now);
  return { key: rotated(stored.key, 'ON_DEMAND', now), materials: put(stored.materials, material) };
}

const code = (wanted: string): object => expect.objectContaining({ code: wanted }) as object;
const fresh = { importType: 'NEW_KEY_MATERIAL' };

describe('imported material', () => {
  test('makes a waiting key usable; the same material may come again, another may not', () => {
    const first = importInto(empty, 1);
    expect(first.key.state).toBe('Enabled');
    expect(importInto(first, 1).materials).toHaveLength(1);
    expect(() => importInto(first, 2)).toThrow(code('IncorrectKeyMaterial'));
  });

  test('is deleted and comes back', () => {
    const gone = drop(importInto(empty, 1, { description: 'mine' }));
    expect(gone.key.state).toBe('PendingImport');
    const back = importInto(gone, 1);
    expect(back.key.state).toBe('Enabled');
    expect(back.materials[0]).toMatchObject({ generation: 0, description: 'mine' });
  });

  test('may be several for a symmetric key, one at a time waiting for its rotation', () => {
    const first = importInto(empty, 1);
    const two = importInto(first, 2, fresh);
    expect(two.key.generation).toBe(0);
    expect(() => importInto(two, 3, fresh)).toThrow(
      `New key material (id: ${idOf(3)}) cannot be imported into KMS key ${two.key.arn}, because another key material (id: ${idOf(2)}) is pending rotation.`,
    );
    expect(() => importInto(first, 1, fresh)).toThrow(code('IncorrectKeyMaterial'));
    const turned = rotate(two);
    expect(turned.key).toMatchObject({ generation: 1, state: 'Enabled', onDemandRotations: 1 });
    expect(() => rotate(turned)).toThrow(`No available key material pending rotation for the key: ${turned.key.arn}`);
    expect(drop(turned, 1).key.state).toBe('PendingImport');
    expect(drop(two, 2)).toMatchObject({ key: { state: 'Enabled' }, materials: [{ generation: 0 }] });
  });

  test('is one only for asymmetric and HMAC keys', () => {
    const hmac = { ...empty, key: { ...empty.key, spec: 'HMAC_256', usage: 'GENERATE_VERIFY_MAC' } };
    expect(() => importInto(hmac, 1, fresh)).toThrow('ImportType is only valid for symmetric encryption KMS keys.');
    expect(() => importInto(importInto(hmac, 1), 2)).toThrow(code('IncorrectKeyMaterial'));
  });

  test('expires on a date within a year', () => {
    const expires = { expirationModel: undefined };
    expect(() => importInto(empty, 1, expires)).toThrow(
      'A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES',
    );
    expect(() => importInto(empty, 1, { ...expires, validTo: now })).toThrow(code('Validation'));
    expect(() => importInto(empty, 1, { ...expires, validTo: days(366) })).toThrow(code('Validation'));
    expect(() => importInto(empty, 1, { validTo: days(3) })).toThrow(code('Validation'));
    const [material] = importInto(empty, 1, { ...expires, validTo: days(365) }).materials as [Material];
    expect(expired(material, days(364))).toBe(false);
    expect(expired(material, days(365))).toBe(true);
  });

  test('a key saved from deletion without its material waits for it', () => {
    const dying = { ...empty, key: scheduleDeletion(empty.key, 7, now) };
    expect(cancelDeletion(dying).state).toBe('PendingImport');
    const complete = importInto(empty, 1);
    expect(cancelDeletion({ ...complete, key: scheduleDeletion(complete.key, 7, now) }).state).toBe('Disabled');
  });
});

const content = fc.integer({ min: 1, max: 4 });
const step = fc.oneof(
  content.map((one) => (stored: Stored) => importInto(stored, one)),
  content.map((one) => (stored: Stored) => importInto(stored, one, fresh)),
  content.map((one) => (stored: Stored) => importInto(stored, one, { keyMaterialId: idOf(one) })),
  content.map((one) => (stored: Stored) => drop(stored, one)),
  fc.constant((stored: Stored) => drop(stored)),
  fc.constant(rotate),
  fc.constant((stored: Stored) => ({ ...stored, key: disable(stored.key) })),
  fc.constant((stored: Stored) => ({ ...stored, key: enable(stored.key) })),
  fc.constant((stored: Stored) => ({ ...stored, key: scheduleDeletion(stored.key, 7, now) })),
  fc.constant((stored: Stored) => ({ ...stored, key: cancelDeletion(stored) })),
);

test('whatever happens to a key, it is usable only while every material that it has used is there', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let stored = empty;
      for (const apply of steps) {
        try {
          stored = apply(stored);
        } catch (error) {
          // Refusals are answers of the closed set; anything else is a bug.
          expect(error).toMatchObject({ code: expect.any(String) as string });
        }
        requireSound(stored);
      }
    }),
    { numRuns: 500 },
  );
});

function requireSound({ key: { state, generation }, materials }: Stored): void {
  const generations = materials.map((one) => one.generation).sort((a, b) => a - b);
  expect(generations).toEqual(generations.map((_, index) => index));
  expect(generations.length).toBeLessThanOrEqual(generation + 2);
  const used = materials.filter((one) => one.generation <= generation);
  if (state === 'Enabled' || state === 'Disabled') {
    expect(used).toHaveLength(generation + 1);
    expect(used.every(({ token }) => token !== null)).toBe(true);
  }
  if (state === 'PendingImport') expect(used.length === 0 || used.some(({ token }) => token === null)).toBe(true);
}

describe('wrapping', () => {
  test.each([
    ['SYMMETRIC_DEFAULT', 'RSAES_PKCS1_V1_5', 'RSA_2048', 'UnsupportedOperation'],
    ['SYMMETRIC_DEFAULT', 'SM2PKE', 'SM2', 'UnsupportedOperation'],
    ['RSA_2048', 'RSAES_OAEP_SHA_256', 'RSA_4096', 'Validation'],
    ['ECC_NIST_P521', 'RSAES_OAEP_SHA_1', 'RSA_2048', 'Validation'],
  ])('%s with %s and %s is %s', (spec, algorithm, wrappingKeySpec, expected) => {
    expect(() => requireWrapping(key({ spec }), algorithm, wrappingKeySpec)).toThrow(code(expected));
  });

  test.each([
    ['RSA_4096', 'RSA_AES_KEY_WRAP_SHA_256', 'RSA_2048'],
    ['ECC_NIST_P521', 'RSAES_OAEP_SHA_256', 'RSA_3072'],
    ['HMAC_512', 'RSAES_OAEP_SHA_1', 'RSA_2048'],
  ])('%s with %s and %s fits', (spec, algorithm, wrappingKeySpec) => {
    expect(() => requireWrapping(key({ spec }), algorithm, wrappingKeySpec)).not.toThrow();
  });
});
