import { expect, test } from 'vitest';
import { compareRoot, type KnownRoot, type RootGeneration, type SeenRoot } from '../../src/domain/hsm-root.js';

const domain = Buffer.alloc(16, 7);
const hash = (n: number): Buffer => Buffer.alloc(32, n);
const known: KnownRoot = { domain, generation: 5n, hash: hash(5) };
const file = (n: number, previous = n - 1): RootGeneration => ({
  ...{ generation: BigInt(n), hash: hash(n), previousHash: hash(previous) },
});
const seen = (generations: RootGeneration[], more: Partial<SeenRoot> = {}): SeenRoot => ({
  ...{ domain, generations, writer: true, superseded: undefined },
  ...more,
});

test.each<[string, KnownRoot | undefined, SeenRoot, string]>([
  ['the first root ever is kept', undefined, seen([file(3)]), 'take'],
  ['nothing yet, here or there', undefined, seen([]), 'none'],
  ['the same file', known, seen([file(5)]), 'same'],
  ['one ahead, after ours', known, seen([file(6)]), 'take'],
  ['two ahead, and those between are still there', known, seen([file(7), file(6), file(5)]), 'take'],
  ['two ahead, and ours is still there', known, seen([file(7), file(5)]), 'take'],
  ['one ahead, after another file', known, seen([file(6, 99)]), 'refuse'],
  ['far ahead, with nothing between', known, seen([file(9), file(8), file(7)]), 'refuse'],
  ['the same generation, another file', known, seen([{ ...file(5), hash: hash(99) }]), 'refuse'],
  ['the writer set back', known, seen([file(4), file(3)]), 'refuse'],
  ['the writer without a root', known, seen([], { domain: Buffer.alloc(0) }), 'refuse'],
  ['a replica that was away', known, seen([file(4)], { writer: false }), 'put'],
  ['a new replica', known, seen([], { writer: false, domain: Buffer.alloc(0) }), 'put'],
  ['another domain', known, seen([file(6)], { domain: Buffer.alloc(16, 8) }), 'refuse'],
  ['ours was given up', known, seen([file(4)], { superseded: { generation: 5n, hash: hash(5) } }), 'take'],
  ['another was given up', known, seen([file(4)], { superseded: { generation: 5n, hash: hash(6) } }), 'refuse'],
])('%s', (_, ours, theirs, kind) => {
  expect(compareRoot(ours, theirs).kind).toBe(kind);
});

test('the reason names both generations', () => {
  expect(compareRoot(known, seen([file(4)]))).toMatchObject({
    reason: expect.stringMatching(/set back to generation 4.*generation 5 of domain 0707/) as string,
  });
});
