import { KeysteadError } from '@keystead/errors';
import type { Tag } from './key.js';
import { requireReadableTags } from './readings.js';

/** Tags that one key may have. */
export const maxTags = 50;

// What AWS allows in tags: letters, spaces, numbers and a few signs, in any script.
const allowed = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/** Refuses tags that AWS refuses. Errors: Tag. */
export function requireTags(tags: readonly Tag[]): void {
  if (tags.length > maxTags) throw new KeysteadError('Tag', 'Too many tags');
  if (new Set(tags.map(({ tagKey }) => tagKey)).size !== tags.length)
    throw new KeysteadError('Tag', 'Duplicate tag keys');
  for (const { tagKey, tagValue } of tags) {
    requireTagKey(tagKey);
    if (!allowed.test(tagKey) || !allowed.test(tagValue)) throw new KeysteadError('Tag', 'Invalid tag');
  }
  requireReadableTags(tags);
}

/** Refuses a key that is AWS's own. Errors: Tag. */
export function requireTagKey(tagKey: string): void {
  if (/^aws:/i.test(tagKey)) throw new KeysteadError('Tag', 'Tags beginning with aws: are reserved');
}

/** The tags after adding or replacing. Errors: Tag. */
export function merged(before: readonly Tag[], added: readonly Tag[]): Tag[] {
  requireTags(added);
  const all = new Map([...before, ...added].map((tag) => [tag.tagKey, tag]));
  if (all.size > maxTags) throw new KeysteadError('Tag', 'Too many tags');
  requireReadableTags([...all.values()]);
  return [...all.values()].sort((a, b) => (a.tagKey < b.tagKey ? -1 : 1));
}

/** The tags that stay after removal; a key that is not there is no error. */
export function without(before: readonly Tag[], removed: readonly string[]): Tag[] {
  removed.forEach(requireTagKey);
  const gone = new Set(removed);
  return before.filter(({ tagKey }) => !gone.has(tagKey));
}
