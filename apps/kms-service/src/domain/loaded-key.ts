import type { CompiledPolicy } from '@keystead/policy';
import type { KeyView, Material } from './key.js';
import { compileBound } from './key-policy.js';

/** A key ready to be used: its policy compiled, its materials at hand. */
export interface LoadedKey extends KeyView {
  readonly policy: CompiledPolicy;
  /** The material that encrypts now. */
  readonly current: Material;
  material(id: string): Material | undefined;
}

/** Prepares a key once for many calls. Throws when its policy no longer compiles, so that no Deny is ever lost. */
export function loadedKey(view: KeyView): LoadedKey {
  const { key, materials } = view;
  const current = materials.find(({ generation }) => generation === key.generation);
  if (!current) throw new Error(`the current material of ${key.arn} is missing`);
  const byId = new Map(materials.map((material) => [material.materialId, material]));
  return { ...view, current, policy: compileBound(key.policy, key.principals), material: (id) => byId.get(id) };
}
