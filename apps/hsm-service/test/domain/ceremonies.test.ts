import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Attempts } from '../../src/domain/attempts.js';
import { chained, readChain, type NotedCeremony } from '../../src/domain/ceremony-journal.js';
import { encodeCommand, parseCommand, type Command } from '../../src/domain/command.js';
import { addOperator } from '../../src/domain/governance.js';
import { rulesFor } from '../../src/domain/quorum.js';
import { decodeState, encodeState, stateOf } from '../../src/domain/root-state.js';
import { combineShares, splitSecret, type Share } from '../../src/domain/shamir.js';
import { SHARE_SESSION_MS, ShareSession } from '../../src/domain/share-session.js';

const coded = (code: string, message = ''): Error =>
  expect.objectContaining({ code, message: expect.stringContaining(message) as string }) as Error;
const bytes = (length: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((array) => Buffer.from(array));
const at = (ms: number): Date => new Date(1_795_363_200_000 + ms);
const name = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,63}$/);
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

describe('commands', () => {
  const command: fc.Arbitrary<Command> = fc.record({
    name,
    arguments: fc.dictionary(fc.string({ maxLength: 20 }), fc.string({ maxLength: 40 }), { maxKeys: 5 }),
    ...{ domain: bytes(16), nonce: bytes(16), generation: fc.bigInt({ min: 0n, max: 10n ** 18n }) },
    expires: fc.integer({ min: 0, max: 4e12 }).map((ms) => new Date(ms)),
  });

  test('are read as they were written', () => {
    fc.assert(
      fc.property(command, (original) => {
        expect(parseCommand(encodeCommand(original))).toEqual(original);
      }),
    );
  });

  test('have one spelling only: what any single change makes of them is no command, or another one', () => {
    fc.assert(
      fc.property(command, fc.nat(), fc.integer({ min: 0, max: 255 }), (original, position, byte) => {
        const written = encodeCommand(original);
        const changed = Buffer.from(written);
        changed[position % changed.length] = byte;
        if (changed.equals(written)) return;
        let parsed: Command | undefined;
        try {
          parsed = parseCommand(changed);
        } catch (error) {
          expect(error).toMatchObject({ code: 'Validation' });
        }
        if (parsed) expect(parsed).not.toEqual(original);
      }),
    );
  });

  test.each(['', '{}', '[]', 'null', '"x"', '{"v":1}', 'x'.repeat(10_000), '{"args":{"a":1}}'])(
    '%.20s is none',
    (text) => {
      expect(() => parseCommand(Buffer.from(text))).toThrow(coded('Validation'));
    },
  );
});

test('rules: a command has its own or those of *, and a change of rules all of them', () => {
  const rules = [
    { command: '*', role: 'officer', count: 2 },
    { command: 'backup', role: 'auditor', count: 1 },
    { command: 'remove-recipient', role: 'officer', count: 3 },
  ];
  const of = (command: string) => rulesFor(command, rules).map(({ role, count }) => `${role} ${count}`);
  expect(of('add-recipient')).toEqual(['officer 2']);
  expect(of('backup')).toEqual(['auditor 1']);
  expect(of('seal')).toEqual([]);
  for (const change of ['set-rule', 'add-operator', 'remove-operator'])
    expect(of(change)).toEqual(['officer 3', 'auditor 1']);
});

test('nobody becomes an operator with a key under which everything is signed', () => {
  const p = 2n ** 255n - 19n;
  const encode = (y: bigint): string => {
    const little = Buffer.from(y.toString(16).padStart(64, '0'), 'hex').reverse();
    return little.toString('hex');
  };
  const signed = (key: string): string => key.slice(0, 62) + (parseInt(key.slice(62), 16) | 0x80).toString(16);
  for (const y of [0n, 1n, p - 1n, p, p + 1n]) {
    for (const key of [encode(y), signed(encode(y))])
      expect(() => addOperator(stateOf([]), { name: 'eve', role: 'officer', key })).toThrow(coded('Validation', 'key'));
  }
});

test('the sealed part of a root comes back as it was', () => {
  const domainKey = fc.record({
    ...{ epoch: fc.constant(1), state: fc.constantFrom('ACTIVE' as const, 'DECRYPT' as const) },
    ...{ createdMs: u64, key: bytes(32) },
  });
  const recipient = fc.record({ name, createdMs: u64, kek: fc.oneof(bytes(32), bytes(0)) });
  const operator = fc.record({ name, role: name, publicKey: bytes(32) });
  const rule = fc.record({ command: name, role: name, count: fc.integer({ min: 1, max: 255 }) });
  const nonce = fc.record({ nonce: bytes(16), expiresMs: u64 });
  fc.assert(
    fc.property(
      fc.record({
        ...{ domainKeys: domainKey.map((key) => [key]), recipients: fc.array(recipient, { maxLength: 8 }) },
        ...{ operators: fc.array(operator), rules: fc.array(rule), nonces: fc.array(nonce) },
      }),
      (state) => {
        expect(decodeState(encodeState(state))).toMatchObject(state);
      },
    ),
  );
});

describe('shares of an unsealing', () => {
  const secret = Buffer.alloc(32, 6);
  const set = Buffer.alloc(16, 1);

  test('are forgotten ten minutes after the first one', async () => {
    const [a, b] = (await splitSecret(secret, set, 2, 3)) as [Share, Share, Share];
    const session = new ShareSession();
    expect(await session.add(a, at(0))).toBeUndefined();
    expect(session.progress(at(SHARE_SESSION_MS - 1))).toMatchObject({
      given: 1,
      needed: 2,
      expires: at(SHARE_SESSION_MS),
    });
    expect(session.progress(at(SHARE_SESSION_MS))).toBeUndefined();
    expect(await session.add(b, at(SHARE_SESSION_MS))).toBeUndefined();
    expect(await session.add(a, at(SHARE_SESSION_MS + 1))).toEqual(secret);
    expect(session.progress(at(SHARE_SESSION_MS + 1))).toBeUndefined();
  });

  test('of two sets, or the same one twice, do not come together; wrong ones give something else, and begin anew', async () => {
    const [a, b] = (await splitSecret(secret, set, 2, 2)) as [Share, Share];
    const [other] = (await splitSecret(secret, Buffer.alloc(16, 2), 2, 2)) as [Share, Share];
    const session = new ShareSession();
    await session.add(a, at(0));
    await expect(session.add(a, at(1))).rejects.toThrow(coded('Validation', 'given already'));
    await expect(session.add(other, at(1))).rejects.toThrow(coded('Validation', 'another set'));
    const wrong = { ...b, bytes: Buffer.from(b.bytes) };
    wrong.bytes[0] = (wrong.bytes[0] as number) ^ 1;
    expect(await session.add(wrong, at(2))).not.toEqual(secret);
    expect(session.progress(at(2))).toBeUndefined();
    expect(await combineShares([a, b])).toEqual(secret);
  });
});

test('guessing: two failures are free, then each one doubles the wait, up to a minute; success ends it', async () => {
  const attempts = new Attempts();
  const attempt = (now: Date): Promise<void> =>
    attempts.inTurn(
      () => now,
      () => Promise.resolve(),
    );
  let now = 0;
  const waits: number[] = [];
  for (let failure = 1; failure <= 10; failure++) {
    attempts.failed(at(now));
    let wait = 0;
    for (; wait < 120; wait++) {
      try {
        await attempt(at(now + wait * 1_000));
        break;
      } catch (error) {
        expect(error).toMatchObject({ code: 'Throttling' });
      }
    }
    waits.push(wait);
    now += wait * 1_000;
  }
  expect(waits).toEqual([0, 0, 1, 2, 4, 8, 16, 32, 60, 60]);
  attempts.succeeded();
  await attempt(at(now));
});

describe('the journal of ceremonies', () => {
  const note = { operator: 'ann', sourceIp: '::1', event: 'SealRoot', signers: [], parameters: {}, file: undefined };
  const lines: Buffer[] = [];
  let last: NotedCeremony | undefined;
  for (let i = 0; i < 4; i++) {
    const next = chained({ ...note, parameters: { i: String(i) } }, last, at(i), `event-${i}`);
    lines.push(next.line);
    last = next.noted;
  }
  const changed = expect.objectContaining({ name: 'RootError', problem: 'tampered' }) as Error;

  test('is read back; a torn last line was never answered', () => {
    const { ceremonies, whole } = readChain(Buffer.concat(lines));
    expect(ceremonies.map(({ sequence, parameters }) => [sequence, parameters['i']])).toEqual([
      [1, '0'],
      [2, '1'],
      [3, '2'],
      [4, '3'],
    ]);
    expect(whole).toBeUndefined();
    for (let size = 0; size < (lines[3] as Buffer).length; size++) {
      const torn = readChain(Buffer.concat([...lines.slice(0, 3), (lines[3] as Buffer).subarray(0, size)]));
      expect(torn.ceremonies).toHaveLength(3);
    }
  });

  test('a line changed, taken out, doubled or moved is noticed', () => {
    const [a, b, c, d] = lines as [Buffer, Buffer, Buffer, Buffer];
    const edited = Buffer.from(b.toString().replace('"ann"', '"bob"'));
    for (const other of [
      [a, edited, c, d],
      [a, c, d],
      [b, c, d],
      [a, b, b, c],
      [a, c, b, d],
      [a, Buffer.from('{}\n'), c],
    ])
      expect(() => readChain(Buffer.concat(other))).toThrow(changed);
  });
});
