import { KeysteadError } from '@keystead/errors';
import { constraint, present } from './fields.js';
import type { Random } from './ids.js';

/** An account as operators see it. */
export interface Account {
  /** 12 digits. */
  readonly id: string;
  readonly alias: string | undefined;
  readonly createdAt: Date;
  /** How many access keys its root user has. */
  readonly rootKeys: number;
}

/** The account in which kms-service keeps the keys of the services: nobody's. */
const reserved = '999999999999';

/** 12 digits. Errors: Validation. */
export function accountId(value: string): string {
  if (/^\d{12}$/.test(value)) return value;
  throw constraint('accountId', value.slice(0, 128), 'satisfy regular expression pattern: \\d{12}');
}

/** The number of a new account: the one given, or a random one that does not begin with 0. Errors: Validation. */
export function newAccountId(given: string, random: Random): string {
  if (given === '') return String(100_000_000_000n + (random64(random) % 899_999_999_999n));
  if (given === reserved) throw new KeysteadError('Validation', `The account ${reserved} is the services' own.`);
  return accountId(given);
}

function random64(random: Random): bigint {
  return random(8).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

/**
 * 3 to 63 lower-case letters, digits and single dashes inside; not 12 digits, which would be read as a number of an
 * account. https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccountAlias.html
 */
export function accountAlias(value: string | undefined): string {
  const text = present('accountAlias', value);
  const shown = text.slice(0, 128);
  if (text.length < 3) throw constraint('accountAlias', shown, 'have length greater than or equal to 3');
  if (text.length > 63) throw constraint('accountAlias', shown, 'have length less than or equal to 63');
  if (!/^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$/.test(text)) {
    const pattern = '^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$';
    throw constraint('accountAlias', shown, `satisfy regular expression pattern: ${pattern}`);
  }
  if (/^\d{12}$/.test(text)) throw new KeysteadError('Validation', 'The account alias must not be 12 digits.');
  return text;
}

/** The answer for an account that is not there. */
export const noAccount = (id: string) => new KeysteadError('NoSuchEntity', `There is no account ${id}.`);

/** The answer for a number that is taken. */
export const accountExists = (id: string) =>
  new KeysteadError('EntityAlreadyExists', `The account ${id} already exists.`);

/** The answer for an alias that is taken, as AWS words it. */
export const aliasExists = (alias: string) =>
  new KeysteadError('EntityAlreadyExists', `The account alias ${alias} already exists.`);
