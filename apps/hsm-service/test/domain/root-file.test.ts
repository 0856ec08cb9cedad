import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { DomainKey } from '../../src/domain/domain-keys.js';
import { unwrapSecret, wrapSecret } from '../../src/domain/key-wrap.js';
import {
  keyFileRecipient,
  passphraseRecipient,
  unwrapBy,
  wrapFor,
  type Recipient,
  type Unlock,
} from '../../src/domain/recipients.js';
import { openRoot, parseRoot, sealRoot, type RootHeader } from '../../src/domain/root-file.js';
import { decodeState, encodeState } from '../../src/domain/root-state.js';
import { RootError } from '../../src/domain/root-error.js';
import { stateOf } from '../../src/domain/root-state.js';
import { bitFlips, hex, reference, vectors } from '../vectors.js';

const { root_file: v } = vectors('root-file.json') as {
  root_file: Record<
    'rws' | 'key_file' | 'passphrase' | 'passphrase_salt' | 'domain' | 'previous_hash' | 'salt' | 'out' | 'hash',
    string
  > & {
    passphrase_log_n: number;
    generation: number;
    written_ms: number;
    domain_keys: { epoch: number; state: DomainKey['state']; created_ms: number; key: string }[];
  };
};

const rws = hex(v.rws);
const keyFile = { kind: 'KEYFILE', secret: hex(v.key_file) } as const;
const passphrase = { kind: 'PASSPHRASE', secret: Buffer.from(v.passphrase) } as const;
const state = stateOf(
  v.domain_keys.map(({ epoch, state, created_ms, key }) => {
    return { epoch, state, createdMs: BigInt(created_ms), key: hex(key) };
  }),
);
const forKeyFile = (): Recipient => wrapFor(keyFileRecipient(keyFile.secret), rws);
const problem = (name: string): Error => expect.objectContaining({ name: 'RootError', problem: name }) as Error;
const header = (...recipients: Recipient[]): RootHeader => ({
  ...{ domain: hex(v.domain), generation: BigInt(v.generation), writtenMs: BigInt(v.written_ms) },
  ...{ previousHash: hex(v.previous_hash), recipients },
});
const open = async (bytes: Buffer, unlock: Unlock): Promise<unknown> => {
  const root = parseRoot(bytes);
  return openRoot(root, (await unwrapBy(unlock, root.header.recipients)).rws);
};
/** The file with a checksum that fits: what somebody would write who knows no secret. */
const forged = (file: Buffer): Buffer => {
  const body = file.subarray(0, -32);
  return Buffer.concat([body, createHash('sha256').update(body).digest()]);
};

test('the vector, made by another implementation, is written and opened the same', async () => {
  const recipients = [
    forKeyFile(),
    wrapFor(await passphraseRecipient(passphrase.secret, hex(v.passphrase_salt), v.passphrase_log_n), rws),
  ];
  expect(sealRoot(header(...recipients), rws, state, hex(v.salt)).toString('hex')).toBe(v.out);
  expect(parseRoot(hex(v.out)).hash.toString('hex')).toBe(v.hash);
  for (const unlock of [keyFile, passphrase]) {
    expect(await open(hex(v.out), unlock)).toEqual(state);
  }
});

test('keys of a device are kept by name, between keys that lie in the file', () => {
  const [made, deviceId] = [{ createdMs: 5n }, Buffer.alloc(16, 7)];
  const domainKeys: DomainKey[] = [
    { ...made, epoch: 1, state: 'DESTROYED', key: Buffer.alloc(0) },
    { ...made, epoch: 2, state: 'DECRYPT', key: Buffer.alloc(32, 2) },
    { ...made, epoch: 3, state: 'DECRYPT', key: Buffer.alloc(0), deviceId },
    { ...made, epoch: 4, state: 'ACTIVE', key: Buffer.alloc(32, 4) },
  ];
  expect(decodeState(encodeState(stateOf(domainKeys))).domainKeys).toEqual(domainKeys);
});

test('key wrap: the vector of the reference', () => {
  const { kek, rws, out } = reference.recipient_kwp;
  expect(wrapSecret(hex(kek), hex(rws)).toString('hex')).toBe(out);
  for (const changed of bitFlips(hex(out))) expect(unwrapSecret(hex(kek), changed)).toBeUndefined();
});

test('every changed bit makes a damaged file', () => {
  for (const file of bitFlips(hex(v.out))) expect(() => parseRoot(file)).toThrow(problem('damaged'));
});

test('a file torn at any byte is damaged', () => {
  const file = hex(v.out);
  for (let n = 0; n < file.length; n++) {
    expect(() => parseRoot(file.subarray(0, n))).toThrow(problem('damaged'));
    const zeros = Buffer.concat([file.subarray(0, n), Buffer.alloc(file.length - n)]);
    expect(() => parseRoot(zeros)).toThrow(problem('damaged'));
  }
});

test('every changed bit is refused, also when the checksum was made to fit', async () => {
  const file = sealRoot(header(forKeyFile()), rws, state, hex(v.salt));
  const accepted = [];
  for (const changed of bitFlips(file.subarray(0, -32))) {
    const outcome = await open(forged(Buffer.concat([changed, Buffer.alloc(32)])), keyFile).catch((e: unknown) => e);
    if (!(outcome instanceof RootError)) accepted.push(outcome);
  }
  expect(accepted).toEqual([]);
});

test('the wrong secret is told from a damaged file', async () => {
  const wrong = { kind: 'KEYFILE', secret: Buffer.alloc(32) } as const;
  await expect(open(hex(v.out), wrong)).rejects.toThrow(problem('wrong-secret'));
  const typo = { kind: 'PASSPHRASE', secret: Buffer.from('correct horse') } as const;
  await expect(open(hex(v.out), typo)).rejects.toThrow(problem('wrong-secret'));
});

test('recipients of other kinds are kept, and named when nothing else can open the file', async () => {
  const shamir: Recipient = { kind: 'SHAMIR', body: Buffer.alloc(58, 2) };
  const both = sealRoot(header(shamir, forKeyFile()), rws, state, hex(v.salt));
  expect(parseRoot(both).header.recipients[0]).toEqual(shamir);
  await expect(open(both, keyFile)).resolves.toBeDefined();
  const alone = sealRoot(header(shamir), rws, state, hex(v.salt));
  await expect(open(alone, passphrase)).rejects.toThrow('The root file opens by SHAMIR, and a PASSPHRASE was given.');
});

test('a content that was sealed with another secret is refused', () => {
  const file = sealRoot(header({ kind: 'SHAMIR', body: Buffer.alloc(58) }), rws, state, hex(v.salt));
  expect(() => openRoot(parseRoot(file), Buffer.alloc(32))).toThrow(problem('tampered'));
});

test('weak or costly scrypt parameters are refused before any work', async () => {
  for (const [logN, r, p] of [
    [10, 8, 1],
    [30, 8, 1],
    [17, 16, 1],
    [17, 8, 2],
  ] as const) {
    const body = Buffer.concat([Buffer.from([logN, r, p]), Buffer.alloc(56)]);
    await expect(unwrapBy(passphrase, [{ kind: 'PASSPHRASE', body }])).rejects.toThrow(problem('unsupported'));
  }
});

test('one to eight recipients', () => {
  const recipient: Recipient = { kind: 'SHAMIR', body: Buffer.alloc(58) };
  const seal = (n: number) => sealRoot(header(...Array<Recipient>(n).fill(recipient)), rws, state, hex(v.salt));
  expect(parseRoot(seal(8)).header.recipients).toHaveLength(8);
  expect(() => seal(0)).toThrow(RangeError);
  expect(() => seal(9)).toThrow(RangeError);
});
