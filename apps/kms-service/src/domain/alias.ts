import { KeysteadError } from '@keystead/errors';
import type { Key } from './key.js';
import { requireState } from './state.js';

/** Aliases that one key may have. */
export const maxAliasesPerKey = 50;

/** Names that users never see: those of the services' own keys. */
const reserved = 'alias/keystead/';

/** Refuses a name that no user may make, change or delete. Errors: InvalidAliasName, NotFound, Validation. */
export function requireOwnAliasName(name: string): void {
  if (!name.startsWith('alias/'))
    throw new KeysteadError(
      'Validation',
      'Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html',
    );
  if (name.length === 'alias/'.length) throw new KeysteadError('Validation', `Invalid alias: ${name}`);
  if (name.startsWith('alias/aws/'))
    throw new KeysteadError('InvalidAliasName', 'Alias must not be prefixed with "alias/aws/"');
  if (name.startsWith(reserved))
    throw new KeysteadError('InvalidAliasName', `Alias must not be prefixed with "${reserved}"`);
}

/** Refuses one alias too many. Errors: KmsInvalidState, LimitExceeded. */
export function requireRoomForAlias(key: Key, aliases: number): void {
  requireState('CreateAlias', key);
  if (aliases < maxAliasesPerKey) return;
  throw new KeysteadError('LimitExceeded', `The maximum number of aliases for the key ${key.arn} has been reached.`);
}

/** Refuses to point an alias to a key of another type or usage. Errors: KmsInvalidState, LimitExceeded, Validation. */
export function requireSameKind(from: Key, to: Key, aliases: number): void {
  requireState('UpdateAlias', to);
  if (kind(from.spec) !== kind(to.spec) || from.usage !== to.usage) {
    throw new KeysteadError(
      'Validation',
      `Alias cannot be changed from ${from.arn} to ${to.arn}: both keys must have the same type and key usage.`,
    );
  }
  if (from.id !== to.id) requireRoomForAlias(to, aliases);
}

function kind(spec: string): 'symmetric' | 'hmac' | 'asymmetric' {
  if (spec === 'SYMMETRIC_DEFAULT') return 'symmetric';
  return spec.startsWith('HMAC_') ? 'hmac' : 'asymmetric';
}
