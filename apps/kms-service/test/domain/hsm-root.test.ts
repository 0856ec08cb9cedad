import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { whyNotSuperseded, type Supersession } from '../../src/domain/supersession.js';
import { compareRoot, type KnownRoot, type RootGeneration, type SeenRoot } from '../../src/domain/hsm-root.js';

const domain = Buffer.alloc(16, 7);
const hash = (n: number): Buffer => Buffer.alloc(32, n);
const known: KnownRoot = { domain, generation: 5n, hash: hash(5) };
const file = (n: number, previous = n - 1): RootGeneration => ({
  ...{ generation: BigInt(n), hash: hash(n), previousHash: hash(previous) },
});
const seen = (generations: RootGeneration[], more: Partial<SeenRoot> = {}): SeenRoot => ({
  ...{ domain, generations, writer: true, superseded: undefined },
  supersession: { command: Buffer.alloc(0), signatures: [] },
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

describe('a root that was given up for an older one', () => {
  const officer = (name: string, role = 'officer') => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const key = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('hex');
    return { name, role, key, privateKey };
  };
  const [ann, bob, eve] = [officer('ann'), officer('bob'), officer('eve', 'auditor')];
  type Officer = typeof ann;
  const rule = (command: string, count: number) => ({ command, role: 'officer', count });
  const governance = (...rules: ReturnType<typeof rule>[]) => ({ operators: [ann, bob, eve], rules });
  const about = (change: object = {}, args: object = {}): Buffer =>
    Buffer.from(
      JSON.stringify({
        ...{ cmd: 'supersede-root', domain: domain.toString('hex'), ...change },
        args: { epoch: '9', generation: '5', hash: hash(5).toString('hex'), ...args },
      }),
    );
  const signed = (command: Buffer, ...officers: Officer[]): Supersession => ({
    command,
    signatures: officers.map(({ name, privateKey }) => ({
      operator: name,
      signature: sign(null, Buffer.concat([Buffer.from('keystead/v1/command\0'), command]), privateKey),
    })),
  });

  test('needs the signatures that its own rules ask for, whatever rules the older one has', () => {
    const two = governance(rule('*', 2));
    expect(whyNotSuperseded(known, two, signed(about(), ann, bob))).toBeUndefined();
    for (const given of [
      signed(about()),
      signed(about(), ann),
      signed(about(), ann, ann),
      signed(about(), ann, eve),
      signed(about(), ann, officer('bob')),
      signed(about(), ann, officer('zoe')),
      { ...signed(about(), ann, bob), command: about({}, { epoch: '10' }) },
    ])
      expect(whyNotSuperseded(known, two, given)).toContain('needs 2 signatures');
    for (const other of [
      about({ cmd: 'backup' }),
      about({ domain: '00' }),
      about({}, { generation: '4' }),
      about({}, { hash: hash(4).toString('hex') }),
      Buffer.from('x'),
    ])
      expect(whyNotSuperseded(known, two, signed(other, ann, bob))).toContain('another root');
  });

  test('has a rule of its own before that for everything, and none where there are no rules', () => {
    const own = governance(rule('*', 2), rule('supersede-root', 1));
    expect(whyNotSuperseded(known, own, signed(about(), ann))).toBeUndefined();
    expect(whyNotSuperseded(known, governance(rule('backup', 2)), signed(about()))).toBeUndefined();
  });

  test('is refused by name when its operators did not give it up', () => {
    const superseded = { generation: 5n, hash: hash(5) };
    const ours = { ...known, governance: governance(rule('*', 2)) };
    const theirs = seen([file(4)], { superseded, supersession: signed(about(), ann) });
    expect(compareRoot(ours, theirs)).toMatchObject({ kind: 'refuse' });
    const right = seen([file(4)], { superseded, supersession: signed(about(), ann, bob) });
    expect(compareRoot(ours, right)).toEqual({ kind: 'take' });
  });
});
