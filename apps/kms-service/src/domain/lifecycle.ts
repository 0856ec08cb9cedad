import { KeysteadError } from '@keystead/errors';
import type { Key, KeyView } from './key.js';
import { withMaterials } from './imports.js';
import { requireState } from './state.js';

const day = 86_400_000;

/** The key in state Enabled. Errors: KmsInvalidState. */
export function enable(key: Key): Key {
  requireState('EnableKey', key);
  return key.state === 'Disabled' ? { ...key, state: 'Enabled' } : key;
}

/** The key in state Disabled. Errors: KmsInvalidState. */
export function disable(key: Key): Key {
  requireState('DisableKey', key);
  return key.state === 'Enabled' ? { ...key, state: 'Disabled' } : key;
}

/** The waiting time of a deletion in days: 7 to 30, the service's own limits within the API model's 1 to 365. */
export function deletionWindow(days = 30): number {
  if (days >= 7 && days <= 30) return days;
  throw new KeysteadError('Validation', 'PendingWindowInDays must be between 7 and 30 days (inclusive).');
}

/** The key waiting for its end `days` from now. Errors: KmsInvalidState. */
export function scheduleDeletion(key: Key, days: number, now: Date): Key {
  requireState('ScheduleKeyDeletion', key);
  return { ...key, state: 'PendingDeletion', deletionDate: new Date(now.getTime() + days * day) };
}

/** The key saved from deletion: Disabled, or PendingImport while its material is missing. Errors: KmsInvalidState. */
export function cancelDeletion({ key, materials }: Pick<KeyView, 'key' | 'materials'>): Key {
  requireState('CancelKeyDeletion', key);
  return withMaterials({ ...key, state: 'Disabled', deletionDate: null }, materials);
}

/** True when the key's time has come. */
export function deletionDue(key: Key, now: Date): boolean {
  return key.state === 'PendingDeletion' && key.deletionDate !== null && key.deletionDate <= now;
}
