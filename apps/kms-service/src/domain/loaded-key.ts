import { KeysteadError } from '@keystead/errors';
import type { CompiledPolicy } from '@keystead/policy';
import type { KeyView, Material } from './key.js';
import { compileBound } from './key-policy.js';

/** A key ready to be used: its policy compiled, its materials at hand. */
export interface LoadedKey extends KeyView {
  readonly policy: CompiledPolicy;
  /** The material that encrypts now; absent only while a key waits for its first import. */
  readonly current: Material | undefined;
  material(id: string): Material | undefined;
}

/** Material that the HSM can use. */
export interface UsableMaterial extends Material {
  readonly token: Uint8Array;
}

/** Prepares a key once for many calls. Throws when its policy no longer compiles, so that no Deny is ever lost. */
export function loadedKey(view: KeyView): LoadedKey {
  const { key, materials } = view;
  const current = materials.find(({ generation }) => generation === key.generation);
  if (!current && key.origin !== 'EXTERNAL') throw new Error(`the current material of ${key.arn} is missing`);
  const byId = new Map(materials.map((material) => [material.materialId, material]));
  return { ...view, current, policy: compileBound(key.policy, key.principals), material: (id) => byId.get(id) };
}

/**
 * The material, if it is there and has not expired: the worker that deletes expired material may be late.
 * Errors: KmsInvalidState.
 */
export function usable({ key }: LoadedKey, material: Material | undefined, now: Date): UsableMaterial {
  if (material?.token && (material.validTo === null || material.validTo > now)) return material as UsableMaterial;
  throw new KeysteadError('KmsInvalidState', `${key.arn} is pending import.`);
}
