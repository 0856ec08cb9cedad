import { KeysteadError } from '@keystead/errors';
import type { KeyFacts, RequestFacts } from './conditions.js';
import type { Tag } from './key.js';

/** One way to read a request whose names differ only in case. */
export interface Reading {
  readonly facts: RequestFacts;
  readonly about: KeyFacts | undefined;
}

type Context = Readonly<Record<string, string>>;

/** Ways to read one map of names; more than that is refused. */
const maxReadings = 16;

/**
 * Condition keys know no case; the names of an encryption context and of tags do. Where names differ only in case, a
 * condition on them could mean any of their values: the answer has each combination once, usually just one (ADR 0036).
 * Errors: Validation for an encryption context or new tags with too many such names.
 */
export function readingsOf(facts: RequestFacts, about: KeyFacts | undefined): readonly Reading[] {
  const contexts = ambiguous(facts.encryptionContext) ? contextReadings(facts.encryptionContext) : [undefined];
  const requested = ambiguousTags(facts.requestTags) ? tagReadings(facts.requestTags) : [undefined];
  const tags = ambiguousTags(about?.tags) ? tagReadings(about.tags) : [undefined];
  if (contexts.length === 1 && requested.length === 1 && tags.length === 1) return [{ facts, about }];
  return contexts.flatMap((encryptionContext) =>
    requested.flatMap((requestTags) =>
      tags.map((own) => ({
        facts: { ...facts, ...(encryptionContext && { encryptionContext }), ...(requestTags && { requestTags }) },
        about: about && own ? { ...about, tags: own } : about,
      })),
    ),
  );
}

/** Refuses tags that have too many readings, so that a key that has them can always be used. Errors: Tag. */
export function requireReadableTags(tags: readonly Tag[]): void {
  if (ambiguousTags(tags) && combinations(tags.map(({ tagKey }) => tagKey)).length === 0)
    throw new KeysteadError('Tag', 'Too many tag keys that differ only in case');
}

function ambiguous(context: Context | undefined): context is Context {
  return context !== undefined && differOnlyInCase(Object.keys(context));
}

function ambiguousTags(tags: readonly Tag[] | undefined): tags is readonly Tag[] {
  return tags !== undefined && differOnlyInCase(tags.map(({ tagKey }) => tagKey));
}

function differOnlyInCase(names: readonly string[]): boolean {
  return names.length > 1 && new Set(names.map((name) => name.toLowerCase())).size < names.length;
}

function contextReadings(context: Context): Context[] {
  const chosen = combinations(Object.keys(context));
  if (chosen.length === 0)
    throw new KeysteadError('Validation', 'EncryptionContext has too many names that differ only in case.');
  // Every name stays, since kms:EncryptionContextKeys knows case; the chosen ones come first and so are found first.
  return chosen.map((first) => {
    const names = new Set([...first, ...Object.keys(context)]);
    return Object.fromEntries([...names].map((name) => [name, context[name] ?? '']));
  });
}

function tagReadings(tags: readonly Tag[]): Tag[][] {
  const chosen = combinations(tags.map(({ tagKey }) => tagKey));
  if (chosen.length === 0) throw new KeysteadError('Tag', 'Too many tag keys that differ only in case');
  return chosen.map((first) => {
    const isFirst = new Set(first);
    return [...tags].sort((a, b) => Number(isFirst.has(b.tagKey)) - Number(isFirst.has(a.tagKey)));
  });
}

/** One name of each group that differs only in case, in all combinations; none when there are too many. */
function combinations(names: readonly string[]): string[][] {
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const group = groups.get(name.toLowerCase());
    if (group) group.push(name);
    else groups.set(name.toLowerCase(), [name]);
  }
  let all: string[][] = [[]];
  for (const group of groups.values()) {
    if (group.length === 1) continue;
    if (all.length * group.length > maxReadings) return [];
    all = all.flatMap((chosen) => group.map((name) => [...chosen, name]));
  }
  return all;
}
