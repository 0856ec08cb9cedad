import { KeysteadError } from '@keystead/errors';
import { type Key, type KeyState, type KeyView, type Material, type RotationType, symmetric } from './key.js';
import { type KeyOperation, requireState } from './state.js';

const day = 86_400_000;
const conflictWindow = 20 * 60_000;
/** Rotations on demand that one key may have. */
export const maxOnDemandRotations = 25;

/** What imported material allows: its owner rotates it by hand. */
const byHand: ReadonlySet<KeyOperation> = new Set(['RotateKeyOnDemand', 'ListKeyRotations']);

/**
 * Refuses what cannot rotate: asymmetric and HMAC keys, keys of custom stores, and automatic rotation of imported
 * material. Errors: as requireState, UnsupportedOperation.
 */
export function requireRotatable(operation: KeyOperation, key: Key): void {
  requireState(operation, key);
  if (key.spec !== symmetric)
    throw unsupported(`${key.arn} spec is ${key.spec} which is not valid for this operation.`);
  if (key.origin === 'AWS_KMS' || (key.origin === 'EXTERNAL' && byHand.has(operation))) return;
  throw unsupported(`${key.arn} origin is ${key.origin} which is not valid for this operation.`);
}

/** The key with automatic rotation; the period starts now, also when it only changes. Errors: Disabled, KmsInvalidState, UnsupportedOperation. */
export function enableRotation(key: Key, days: number, now: Date): Key {
  requireRotatable('EnableKeyRotation', key);
  return { ...key, rotationPeriodDays: days, nextRotationAt: later(now, days) };
}

/** The key without automatic rotation. Errors: Disabled, KmsInvalidState, UnsupportedOperation. */
export function disableRotation(key: Key): Key {
  requireRotatable('DisableKeyRotation', key);
  return { ...key, rotationPeriodDays: null, nextRotationAt: null };
}

/** True when automatic rotation should happen: never while the key is disabled, soon after it is enabled again. */
export function rotationDue(key: Key, now: Date): boolean {
  return key.state === 'Enabled' && key.nextRotationAt !== null && key.nextRotationAt <= now;
}

/** Refuses a rotation on demand. Errors: Conflict, Disabled, KmsInvalidState, LimitExceeded, UnsupportedOperation. */
export function requireOnDemandRotation(key: Key, now: Date): void {
  requireRotatable('RotateKeyOnDemand', key);
  if (key.onDemandRotations >= maxOnDemandRotations) {
    const limit = 'The on-demand rotations limit has been reached for the given keyId.';
    throw new KeysteadError(
      'LimitExceeded',
      `${limit} No more on-demand rotations can be performed for this key: ${key.arn}`,
    );
  }
  if (key.nextRotationAt && key.nextRotationAt.getTime() - now.getTime() < conflictWindow) {
    throw new KeysteadError(
      'Conflict',
      `An automatic rotation of ${key.arn} is in progress or scheduled within the next 20 minutes.`,
    );
  }
}

/** The key with its next generation current; a rotation on demand leaves the automatic schedule alone. */
export function rotated(key: Key, type: RotationType, now: Date): Key {
  const next = { ...key, generation: key.generation + 1 };
  if (type === 'ON_DEMAND') return { ...next, onDemandRotations: key.onDemandRotations + 1 };
  return { ...next, nextRotationAt: key.rotationPeriodDays === null ? null : later(now, key.rotationPeriodDays) };
}

/** What GetKeyRotationStatus tells. */
export interface RotationStatus {
  readonly enabled: boolean;
  readonly periodDays: number | null;
  readonly next: Date | null;
}

const notRotating: ReadonlySet<KeyState> = new Set(['PendingDeletion', 'PendingReplicaDeletion']);

/** The state of automatic rotation; a key pending deletion reports false and resumes after cancel and enable. */
export function rotationStatus(key: Key): RotationStatus {
  if (key.rotationPeriodDays === null || notRotating.has(key.state))
    return { enabled: false, periodDays: null, next: null };
  return { enabled: true, periodDays: key.rotationPeriodDays, next: key.nextRotationAt };
}

/** The imported material that waits to be rotated in. Errors: KmsInvalidState. */
export function requirePending({ key, materials }: Pick<KeyView, 'key' | 'materials'>): Material {
  const pending = materials.find(({ generation }) => generation > key.generation);
  if (pending?.token) return pending;
  throw new KeysteadError('KmsInvalidState', `No available key material pending rotation for the key: ${key.arn}.`);
}

/** The material once a rotation has made it current. */
export function rotatedIn(material: Material, type: RotationType, now: Date): Material {
  return { ...material, rotationType: type, rotatedAt: now };
}

/** The entries of ListKeyRotations, oldest first; the first material and one that waits only with ALL_KEY_MATERIAL. */
export function rotations(materials: readonly Material[], include: string | undefined): readonly Material[] {
  const all = [...materials].sort((a, b) => a.generation - b.generation);
  return include === 'ALL_KEY_MATERIAL' ? all : all.filter((material) => material.rotationType !== null);
}

/** AWS's KeyMaterialState. */
export function materialState(key: Key, { generation }: Material): string {
  if (generation > key.generation) return 'PENDING_ROTATION';
  return generation === key.generation ? 'CURRENT' : 'NON_CURRENT';
}

function unsupported(message: string): KeysteadError {
  return new KeysteadError('UnsupportedOperation', message);
}

function later(now: Date, days: number): Date {
  return new Date(now.getTime() + days * day);
}
