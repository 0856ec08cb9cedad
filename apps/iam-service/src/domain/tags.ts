import { KeysteadError } from '@keystead/errors';
import type { Tag } from './entities.js';
import { constraint } from './fields.js';

const maximum = 50;
const characters = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
const pattern = '[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]';

const sameKey = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();

/** Checks tags as they are sent: length, characters, and keys that differ by more than case. */
export function checkTags(tags: readonly Tag[]): readonly Tag[] {
  if (tags.length > maximum) throw constraint('tags', '[]', `have length less than or equal to ${maximum}`);
  tags.forEach(({ key, value }, index) => {
    checkKey(key, `tags.${index + 1}.member.key`);
    checkText(value, `tags.${index + 1}.member.value`, 0, 256);
    if (tags.findIndex((other) => sameKey(other.key, key)) !== index) throw duplicate();
  });
  return tags;
}

/** Checks keys of tags to remove. */
export function checkTagKeys(keys: readonly string[]): readonly string[] {
  if (keys.length > maximum) throw constraint('tagKeys', '[]', `have length less than or equal to ${maximum}`);
  keys.forEach((key, index) => checkText(key, `tagKeys.${index + 1}.member`, 1, 128));
  return keys;
}

function checkKey(key: string, field: string): void {
  checkText(key, field, 1, 128);
  if (/^aws:/i.test(key)) {
    throw new KeysteadError('InvalidInput', 'Tag keys beginning with "aws:" are reserved for system use.');
  }
}

function checkText(text: string, field: string, min: number, max: number): void {
  const size = Array.from(text).length; // code points, as AWS counts
  if (size < min) throw constraint(field, text, `have length greater than or equal to ${min}`);
  if (size > max) throw constraint(field, text.slice(0, max), `have length less than or equal to ${max}`);
  if (!characters.test(text))
    throw constraint(field, text, `satisfy regular expression pattern: ${pattern}${min > 0 ? '+' : '*'}`);
}

/** The tags after adding; a key that is there (in any case) takes the new spelling and value. */
export function withTags(tags: readonly Tag[], added: readonly Tag[]): readonly Tag[] {
  const kept = tags.filter(({ key }) => !added.some((tag) => sameKey(tag.key, key)));
  const all = [...kept, ...added];
  if (all.length > maximum) {
    throw new KeysteadError('LimitExceeded', 'The number of tags has reached the maximum limit.');
  }
  return all;
}

/** The tags after removing keys; keys that are not there are no error. */
export function withoutTags(tags: readonly Tag[], keys: readonly string[]): readonly Tag[] {
  return tags.filter((tag) => !keys.some((key) => sameKey(tag.key, key)));
}

function duplicate(): KeysteadError {
  return new KeysteadError('InvalidInput', 'Duplicate tag keys found. Please note that Tag keys are case insensitive.');
}
