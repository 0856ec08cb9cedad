import { KeysteadError } from '@keystead/errors';

/** IAM's words for one field that breaks a constraint of its model. */
export function constraint(field: string, value: string | number | null, rule: string): KeysteadError {
  const shown = value === null ? 'Value null' : `Value '${value}'`;
  return new KeysteadError(
    'Validation',
    `1 validation error detected: ${shown} at '${field}' failed to satisfy constraint: Member must ${rule}`,
  );
}

/** A field that must be there. */
export function present<T>(field: string, value: T | undefined): T {
  if (value === undefined) throw constraint(field, null, 'not be null');
  return value;
}

function length(field: string, value: string, min: number, max: number): string {
  const shown = value.length > 128 ? `${value.slice(0, 128)}…` : value;
  if (value.length < min) throw constraint(field, shown, `have length greater than or equal to ${min}`);
  if (value.length > max) throw constraint(field, shown, `have length less than or equal to ${max}`);
  return value;
}

function name(field: string, value: string | undefined, max: number): string {
  const text = length(field, present(field, value), 1, max);
  if (/^[\w+=,.@-]+$/.test(text)) return text;
  throw new KeysteadError(
    'Validation',
    `The specified value for ${field} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-`,
  );
}

/** 1 to 64 characters of [\w+=,.@-]; `field` as the wire calls it, for example "newUserName". */
export const userName = (value: string | undefined, field = 'userName') => name(field, value, 64);

/** The name of a user that may exist from before the limit of 64. */
export const existingUserName = (value: string | undefined) => name('userName', value, 128);

/** 1 to 128 characters of [\w+=,.@-]. */
export const groupName = (value: string | undefined, field = 'groupName') => name(field, value, 128);

/** 1 to 64 characters of [\w+=,.@-]. */
export const roleName = (value: string | undefined) => name('roleName', value, 64);

/** 1 to 128 characters of [\w+=,.@-]. */
export const instanceProfileName = (value: string | undefined) => name('instanceProfileName', value, 128);

/** 1 to 128 characters of [\w+=,.@-]. */
export const policyName = (value: string | undefined) => name('policyName', value, 128);

/** 16 to 128 characters of [\w]. */
export function accessKeyId(value: string | undefined): string {
  const text = length('accessKeyId', present('accessKeyId', value), 16, 128);
  if (!/^\w+$/.test(text)) throw constraint('accessKeyId', text, 'satisfy regular expression pattern: [\\w]+');
  return text;
}

/** A slash, or text between slashes, at most 512 characters. */
export function path(value: string | undefined, field = 'path'): string {
  const text = length(field, value ?? '/', 1, 512);
  if (/^\/([!-~]*\/)?$/.test(text) && !text.includes('//')) return text;
  throw new KeysteadError(
    'Validation',
    `The specified value for ${field} is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.`,
  );
}

/** Begins with a slash; absent means every path. */
export function pathPrefix(value: string | undefined): string {
  const text = length('pathPrefix', value ?? '/', 1, 512);
  if (!/^\/[!-~]*$/.test(text)) {
    throw constraint('pathPrefix', text, 'satisfy regular expression pattern: \\u002F[\\u0021-\\u007F]*');
  }
  return text;
}

/** The ARN of a managed policy, 20 to 2,048 characters. */
export function policyArn(value: string | undefined, field = 'policyArn'): string {
  const text = length(field, present(field, value), 20, 2048);
  if (/^arn:aws:iam::(\d{12}|aws):policy\/[!-~]+$/.test(text)) return text;
  throw new KeysteadError('InvalidInput', `ARN ${text.slice(0, 256)} is not valid.`);
}

/** v1, v2, …; answers the number. */
export function versionId(value: string | undefined): number {
  const text = present('versionId', value);
  const digits = /^v([1-9]\d{0,8})(\.[A-Za-z0-9-]*)?$/.exec(text)?.[1];
  if (digits !== undefined) return Number(digits);
  throw constraint(
    'versionId',
    text.slice(0, 128),
    'satisfy regular expression pattern: v[1-9][0-9]*(\\.[A-Za-z0-9-]*)?',
  );
}

/** One of a fixed set of words. */
export function oneOf<const T extends string>(field: string, value: string | undefined, words: readonly T[]): T {
  const text = present(field, value);
  const word = words.find((candidate) => candidate === text);
  if (word !== undefined) return word;
  throw constraint(field, text.slice(0, 128), `satisfy enum value set: [${words.join(', ')}]`);
}

/** At most 1,000 characters of printable text. */
export function description(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const text = length('description', value, 0, 1000);
  if (/^[\p{L}\p{M}\p{Z}\p{S}\p{N}\p{P}]*$/u.test(text)) return text;
  throw constraint(
    'description',
    text.slice(0, 128),
    'satisfy regular expression pattern: [\\p{L}\\p{M}\\p{Z}\\p{S}\\p{N}\\p{P}]*',
  );
}

/** A role's description: at most 1,000 characters of Latin-1. */
export function roleDescription(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const text = length('description', value, 0, 1000);
  if (/^[\t\n\r\u0020-\u007e\u00a1-\u00ff]*$/.test(text)) return text;
  const rule = 'satisfy regular expression pattern: [\\u0009\\u000A\\u000D\\u0020-\\u007E\\u00A1-\\u00FF]*';
  throw constraint('description', text.slice(0, 128), rule);
}

/** A whole number within limits. */
export function within(field: string, value: number, { min, max }: { min: number; max: number }): number {
  if (value < min) throw constraint(field, value, `have value greater than or equal to ${min}`);
  if (value > max) throw constraint(field, value, `have value less than or equal to ${max}`);
  return value;
}

/** Text of a length and of characters that the model names by a pattern. */
export function matching(
  field: string,
  value: string,
  { min, max, pattern }: { min: number; max: number; pattern: RegExp },
): string {
  const text = length(field, value, min, max);
  if (new RegExp(`^(?:${pattern.source})$`, 'u').test(text)) return text;
  throw constraint(field, text.slice(0, 128), `satisfy regular expression pattern: ${pattern.source}`);
}

/** Reads PolicyUsageFilter; absent means both uses. */
export function policyUse(filter: string | undefined): 'PermissionsPolicy' | 'PermissionsBoundary' | undefined {
  if (filter === undefined) return undefined;
  return oneOf('policyUsageFilter', filter, ['PermissionsPolicy', 'PermissionsBoundary']);
}
