import { KeysteadError } from '@keystead/errors';
import { symmetric, type Key, type KeyView, type Material } from './key.js';

const day = 86_400_000;
const longestDays = 365;

/** What an import needs to know of a key. */
export type Stored = Pick<KeyView, 'key' | 'materials'>;

/** What ImportKeyMaterial was asked. */
export interface ImportWish {
  readonly validTo: Date | undefined;
  readonly expirationModel: string | undefined;
  readonly importType: string | undefined;
  readonly description: string | undefined;
  readonly keyMaterialId: string | undefined;
}

/** What an import will be, as far as it can be told before the HSM has opened the material. */
export interface ImportPlan {
  /** True for material that the key has never had. */
  readonly fresh: boolean;
  /** The generation of the material, or the likeliest one. */
  readonly generation: number;
  /** The only material that is welcome. */
  readonly expected: string | undefined;
  /** When it will expire; null when it does not. */
  readonly validTo: Date | null;
}

/** Refuses keys whose material is not imported. Errors: UnsupportedOperation. */
export function requireExternal({ arn, origin }: Key): void {
  if (origin === 'EXTERNAL') return;
  throw new KeysteadError('UnsupportedOperation', `${arn} origin is ${origin} which is not valid for this operation.`);
}

/** Refuses what only symmetric keys have. Errors: Validation. */
function requireSymmetric(key: Key, given: Readonly<Record<string, string | undefined>>): void {
  if (key.spec === symmetric) return;
  for (const [name, value] of Object.entries(given))
    if (value !== undefined)
      throw new KeysteadError('Validation', `${name} is only valid for symmetric encryption KMS keys.`);
}

/** Plans an import. Errors: IncorrectKeyMaterial, Validation. */
export function planImport({ key, materials }: Stored, wish: ImportWish, now: Date): ImportPlan {
  const { importType, description, keyMaterialId } = wish;
  requireSymmetric(key, {
    ImportType: importType,
    KeyMaterialDescription: description,
    KeyMaterialId: keyMaterialId,
  });
  const validTo = expiry(wish, now);
  const fresh = importType === undefined ? materials.length === 0 : importType === 'NEW_KEY_MATERIAL';
  if (fresh) {
    if (keyMaterialId !== undefined)
      throw invalid('KeyMaterialId cannot be specified when the ImportType is NEW_KEY_MATERIAL.');
    return { fresh, generation: nextGeneration(key, materials), expected: undefined, validTo };
  }
  const known = keyMaterialId === undefined ? onlyOne(materials) : find(key, materials, keyMaterialId);
  return { fresh, generation: known?.generation ?? key.generation, expected: known?.materialId, validTo };
}

/** The date after which imported material is deleted. Errors: Validation. */
function expiry({ validTo, expirationModel = 'KEY_MATERIAL_EXPIRES' }: ImportWish, now: Date): Date | null {
  if (expirationModel === 'KEY_MATERIAL_DOES_NOT_EXPIRE') {
    if (validTo !== undefined)
      throw invalid('A validTo date must not be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE');
    return null;
  }
  if (validTo === undefined) throw invalid('A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES');
  if (validTo <= now) throw invalid('The validTo date must be in the future');
  if (validTo.getTime() - now.getTime() > longestDays * day)
    throw invalid(`The validTo date must be at most ${longestDays} days in the future`);
  return validTo;
}

function nextGeneration(key: Key, materials: readonly Material[]): number {
  return materials.length === 0 ? 0 : key.generation + 1;
}

function onlyOne(materials: readonly Material[]): Material | undefined {
  if (materials.length === 0) throw incorrect('No key material has been imported into this key before.');
  return materials.length === 1 ? materials[0] : undefined;
}

function find(key: Key, materials: readonly Material[], id: string): Material {
  const found = materials.find(({ materialId }) => materialId === id);
  if (!found) throw incorrect(`Key material ${id} has never been imported into ${key.arn}.`);
  return found;
}

/** What the HSM made of the imported bytes. */
export interface Opened {
  readonly materialId: string;
  readonly token: Uint8Array;
  readonly generation: number;
}

/**
 * The key and its material after an import: usable again when nothing is missing. `insert` tells a material that the key
 * has never had. Errors: IncorrectKeyMaterial, KmsInvalidState.
 */
export function imported(
  { key, materials }: Stored,
  plan: ImportPlan,
  opened: Opened,
  description: string | undefined,
  now: Date,
): { key: Key; material: Material; insert: boolean } {
  const known = materials.find(({ materialId }) => materialId === opened.materialId);
  if (plan.fresh) requireFresh(key, materials, opened.materialId);
  else if (!known) throw incorrect(`The key material is not one that was imported into ${key.arn} before.`);
  const { materialId, token } = opened;
  const base: Material = known ?? {
    ...{ account: key.account, keyId: key.id, generation: nextGeneration(key, materials), materialId, token },
    ...{ createdAt: now, rotationType: null, rotatedAt: null, validTo: null, description: null },
  };
  const material = { ...base, token, validTo: plan.validTo, description: description ?? base.description };
  const others = materials.filter((one) => one.materialId !== materialId);
  return { key: withMaterials(key, [...others, material]), material, insert: known === undefined };
}

function requireFresh(key: Key, materials: readonly Material[], materialId: string): void {
  if (materials.some((one) => one.materialId === materialId))
    throw incorrect(`The key material is already associated with ${key.arn}.`);
  const pending = materials.find(({ generation }) => generation > key.generation);
  if (!pending) return;
  throw new KeysteadError(
    'KmsInvalidState',
    `New key material (id: ${materialId}) cannot be imported into KMS key ${key.arn}, because another key material (id: ${pending.materialId}) is pending rotation.`,
  );
}

/** What a deletion leaves: `material` without its token, or nothing of it where it only waited for its rotation. */
export interface Deleted {
  readonly key: Key;
  /** Undefined when there was nothing to delete. */
  readonly material: Material | undefined;
  readonly forget: boolean;
}

/** Deletes imported material, the current one when none is named. Errors: NotFound, UnsupportedOperation, Validation. */
export function deleteMaterial({ key, materials }: Stored, materialId: string | undefined): Deleted {
  requireExternal(key);
  requireSymmetric(key, { KeyMaterialId: materialId });
  const found =
    materialId === undefined
      ? materials.find(({ generation }) => generation === key.generation)
      : materials.find((one) => one.materialId === materialId);
  if (!found && materialId !== undefined)
    throw new KeysteadError('NotFound', `Key material ${materialId} is not associated with ${key.arn}.`);
  if (!found) return { key, material: undefined, forget: false };
  const forget = found.generation > key.generation;
  const material = { ...found, token: null, validTo: null };
  const others = materials.filter((one) => one !== found);
  return { key: withMaterials(key, forget ? others : [...others, material]), material, forget };
}

/**
 * The key in the state that its materials allow: PendingImport while one that it has used is missing, Enabled when all
 * are back. A key that is pending deletion stays so.
 */
export function withMaterials(key: Key, materials: readonly Material[]): Key {
  if (key.origin !== 'EXTERNAL' || key.state === 'PendingDeletion' || key.state === 'PendingReplicaDeletion')
    return key;
  const used = materials.filter(({ generation }) => generation <= key.generation);
  if (used.length === 0 || used.some(({ token }) => token === null)) return { ...key, state: 'PendingImport' };
  return key.state === 'PendingImport' ? { ...key, state: 'Enabled' } : key;
}

/** True when imported material must be deleted. */
export function expired({ token, validTo }: Material, now: Date): boolean {
  return token !== null && validTo !== null && validTo <= now;
}

const longestOaep: Readonly<Record<string, number>> = { RSA_2048: 256, RSA_3072: 384, RSA_4096: 512 };

/**
 * Refuses a wrapping that is retired or cannot hold the material.
 * https://docs.aws.amazon.com/kms/latest/developerguide/importing-keys-get-public-key-and-token.html
 * Errors: UnsupportedOperation, Validation.
 */
export function requireWrapping({ spec }: Key, algorithm: string, wrappingKeySpec: string): void {
  if (algorithm === 'RSAES_PKCS1_V1_5' || algorithm === 'SM2PKE' || wrappingKeySpec === 'SM2')
    throw new KeysteadError(
      'UnsupportedOperation',
      `WrappingAlgorithm ${algorithm} with WrappingKeySpec ${wrappingKeySpec} is not supported.`,
    );
  if (algorithm.startsWith('RSA_AES_KEY_WRAP')) return;
  const hash = algorithm === 'RSAES_OAEP_SHA_1' ? 20 : 32;
  const room = (longestOaep[wrappingKeySpec] ?? 0) - 2 * hash - 2;
  // The private keys of P-521 take 241 bytes of PKCS#8.
  if (spec.startsWith('RSA_') || (spec === 'ECC_NIST_P521' && room < 241))
    throw invalid(
      `WrappingAlgorithm ${algorithm} with WrappingKeySpec ${wrappingKeySpec} is not compatible with KeySpec ${spec}.`,
    );
}

function invalid(message: string): KeysteadError {
  return new KeysteadError('Validation', message);
}

function incorrect(message: string): KeysteadError {
  return new KeysteadError('IncorrectKeyMaterial', message);
}
