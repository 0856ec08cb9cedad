import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  RootCondition,
  type HsmCeremonyServiceClient,
  type CommandSignature,
  type DescribeRootResponse,
  type ExecuteCommandResponse,
  type PrepareCommandResponse,
  type RootSecret,
  type GenerateKeyRequest,
} from '@keystead/proto/hsm';
import { invoke, type UnaryMethod } from '@keystead/service';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { signedBytes } from '../../src/domain/command.js';
import { formatShare, parseShare, type Share } from '../../src/domain/shamir.js';
import { cluster, service, type Client, type Cluster } from './cluster.js';

const coded = (code: string, message = ''): Error =>
  expect.objectContaining({ code, message: expect.stringContaining(message) as string }) as Error;
const passphrase = (text: string): RootSecret => ({ secret: { $case: 'passphrase', value: Buffer.from(text) } });
const keyFile = (bytes: Uint8Array): RootSecret => ({ secret: { $case: 'keyFile', value: Buffer.from(bytes) } });
const share = (line: Uint8Array): RootSecret => ({ secret: { $case: 'share', value: Buffer.from(line) } });
/** Calls one method of the ceremonies. */
const call = <A>({ ceremonies }: Client, method: keyof HsmCeremonyServiceClient, request: object): Promise<A> => {
  const bound = ceremonies[method].bind(ceremonies) as unknown as UnaryMethod<object, A>;
  return invoke(bound, request, { timeoutMs: 20_000 });
};

let hsm: Cluster;
let alice: Client;
let kms: Client;
const connect = async (): Promise<void> => {
  alice = await hsm.client('spiffe://keystead.local/operator/alice');
  kms = await hsm.client(service('kms-service'));
};
const disconnect = (): void => {
  alice[Symbol.dispose]();
  kms[Symbol.dispose]();
};
const restart = async (): Promise<void> => {
  disconnect();
  await hsm.restart();
  await connect();
};
beforeEach(async () => {
  hsm = await cluster('none');
  await connect();
});
afterEach(async () => {
  disconnect();
  await hsm[Symbol.asyncDispose]();
});

const describeRoot = (): Promise<DescribeRootResponse> => call(alice, 'describeRoot', {});
const initialize = (name: string, recipient: { secret?: RootSecret; threshold?: number; count?: number }) =>
  call<{ shares: Uint8Array[] }>(alice, 'initialize', {
    recipient: { name, secret: undefined, threshold: 0, count: 0, ...recipient },
  });
const unseal = (secret: RootSecret) =>
  call<{ condition: RootCondition; progress?: { given: number; needed: number } }>(alice, 'unseal', { secret });
const prepare = (command: string, args: Record<string, string> = {}, secret?: RootSecret, validSeconds = 0) =>
  call<PrepareCommandResponse>(alice, 'prepareCommand', {
    ...{ command, arguments: args, secret, validSeconds },
  });
const execute = (command: Uint8Array, signatures: CommandSignature[] = [], secret?: RootSecret) =>
  call<ExecuteCommandResponse>(alice, 'executeCommand', {
    ...{ command, signatures, secret },
  });
const run = async (name: string, args: Record<string, string> = {}, secret?: () => RootSecret) =>
  execute((await prepare(name, args, secret?.())).command, [], secret?.());

interface Officer {
  readonly name: string;
  readonly key: string;
  readonly privateKey: KeyObject;
}
const officer = (name: string): Officer => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const { x = '' } = publicKey.export({ format: 'jwk' });
  return { name, privateKey, key: Buffer.from(x, 'base64url').toString('hex') };
};
const signature = (command: Uint8Array, { name, privateKey }: Officer): CommandSignature => {
  return { operator: name, signature: sign(null, signedBytes(command), privateKey) };
};

const newKey: GenerateKeyRequest = {
  ...{ account: '111122223333', keyId: '1234abcd-12ab-34cd-56ef-1234567890ab', keySpec: 1, keyUsage: 1 },
  ...{ generation: 0, multiRegion: false },
};

test('init with 2 of 3 shares, seal, and open again share by share, without a restart', async () => {
  expect((await describeRoot()).condition).toBe(RootCondition.ROOT_CONDITION_UNINITIALIZED);
  await expect(kms.stream.request('generateKey', newKey)).rejects.toThrow(coded('Sealed'));
  const { shares } = await initialize('board', { threshold: 2, count: 3 });
  expect(shares).toHaveLength(3);
  await expect(initialize('again', { threshold: 2, count: 3 })).rejects.toThrow(coded('AlreadyExists'));

  const { token } = await kms.stream.request('generateKey', newKey);
  const key = { token, account: newKey.account, keyId: newKey.keyId };
  const { ciphertextBlob } = await kms.stream.request('encrypt', {
    ...{ key, plaintext: Buffer.from('kept'), encryptionContext: {} },
  });
  const decrypt = () => kms.stream.request('decrypt', { key, ciphertextBlob, encryptionContext: {} });

  await run('seal');
  await expect(decrypt()).rejects.toThrow(coded('Sealed'));
  expect(await describeRoot()).toMatchObject({
    condition: RootCondition.ROOT_CONDITION_SEALED,
    recipients: [{ kind: 'SHAMIR', threshold: 2, count: 3, name: '' }],
    operators: [],
  });
  const [first, second, third] = shares as [Uint8Array, Uint8Array, Uint8Array];
  expect(await unseal(share(first))).toMatchObject({ progress: { given: 1, needed: 2 } });
  await expect(unseal(share(first))).rejects.toThrow(coded('Validation', 'given already'));
  await expect(decrypt()).rejects.toThrow(coded('Sealed'));
  expect(await unseal(share(third))).toMatchObject({ condition: RootCondition.ROOT_CONDITION_OPEN });
  expect(Buffer.from((await decrypt()).plaintext).toString()).toBe('kept');

  await restart();
  await expect(decrypt()).rejects.toThrow(coded('Sealed'));
  await unseal(share(second));
  await unseal(share(first));
  expect(Buffer.from((await decrypt()).plaintext).toString()).toBe('kept');
});

test('what was under way in threads when the HSM was sealed fails with Sealed', async () => {
  await initialize('file', { secret: keyFile(Buffer.alloc(32, 9)) });
  const slow = kms.stream.request('generateKey', { ...newKey, keySpec: 4, keyUsage: 2 }, { timeoutMs: 20_000 });
  const refused = expect(slow).rejects.toThrow(coded('Sealed'));
  await run('seal');
  await refused;
});

describe('recipients', () => {
  const wrong = Buffer.alloc(32, 1);
  const file = Buffer.alloc(32, 9);

  test('come and go: each of them opens, the removed one opens nothing any more, the last one stays', async () => {
    await initialize('file', { secret: keyFile(file) });
    const { shares } = await run('add-recipient', { name: 'board', threshold: '2', count: '2' });
    await run('add-recipient', { name: 'words' }, () => passphrase('correct horse'));
    await expect(run('add-recipient', { name: 'words' }, () => passphrase('x'))).rejects.toThrow(
      coded('AlreadyExists'),
    );
    const { recipients, rootGeneration } = await describeRoot();
    expect(recipients.map(({ name, kind }) => [name, kind])).toEqual([
      ['file', 'KEYFILE'],
      ['board', 'SHAMIR'],
      ['words', 'PASSPHRASE'],
    ]);
    expect(rootGeneration).toBe(3n);
    for (const open of [
      () => unseal(keyFile(file)),
      () => unseal(passphrase('correct horse')),
      async () => {
        for (const line of shares) await unseal(share(line));
      },
    ]) {
      await run('seal');
      await open();
      expect((await describeRoot()).condition).toBe(RootCondition.ROOT_CONDITION_OPEN);
    }

    await run('remove-recipient', { name: 'file' });
    expect(await readdir(join(hsm.folder, 'root'))).toEqual(['ceremonies.jsonl', 'root-000000000004.kst']);
    await run('remove-recipient', { name: 'words' });
    await expect(run('remove-recipient', { name: 'words' })).rejects.toThrow(coded('NotFound'));
    await expect(run('remove-recipient', { name: 'board' })).rejects.toThrow(coded('Conflict', 'last recipient'));
    await run('seal');
    await expect(unseal(keyFile(file))).rejects.toThrow(coded('Validation', 'opens by SHAMIR'));
    for (const line of shares) await unseal(share(line));
    expect((await describeRoot()).condition).toBe(RootCondition.ROOT_CONDITION_OPEN);
  });

  test('a signed command for one secret adds no other', async () => {
    await initialize('file', { secret: keyFile(file) });
    const { command } = await prepare('add-recipient', { name: 'words' }, passphrase('correct horse'));
    expect(Buffer.from(command).toString()).not.toContain('correct');
    for (const other of [passphrase('another'), keyFile(wrong), undefined])
      await expect(execute(command, [], other)).rejects.toThrow(coded('Validation', 'not the one'));
    await execute(command, [], passphrase('correct horse'));
  });

  test('guessing is slowed down, and wrong shares are not told apart', async () => {
    const { shares } = await initialize('board', { threshold: 2, count: 3 });
    const other = await cluster('none');
    const foreign = await other.client('spiffe://keystead.local/operator/bob');
    const theirs = await call<{ shares: Uint8Array[] }>(foreign, 'initialize', {
      recipient: { name: 'board', secret: undefined, threshold: 2, count: 3 },
    });
    foreign[Symbol.dispose]();
    await other[Symbol.asyncDispose]();
    await run('add-recipient', { name: 'file' }, () => keyFile(file));
    await run('seal');
    await expect(unseal(share(theirs.shares[0] as Uint8Array))).rejects.toThrow(
      coded('Validation', 'a set that does not'),
    );
    await expect(unseal(share(Buffer.from('ks1qqqq')))).rejects.toThrow(coded('Validation', 'checksum'));
    for (let i = 0; i < 3; i++)
      await expect(unseal(keyFile(wrong))).rejects.toThrow(coded('AccessDenied', 'The key file'));
    await expect(unseal(keyFile(file))).rejects.toThrow(coded('Throttling', 'try again in 1 s'));
    await new Promise((later) => setTimeout(later, 1_050));
    await unseal(share(shares[0] as Uint8Array));
    await unseal(share(shares[1] as Uint8Array));
    expect((await describeRoot()).condition).toBe(RootCondition.ROOT_CONDITION_OPEN);
  });

  test('many guesses at once, or a root file of one’s own in between, make guessing no quicker', async () => {
    await initialize('file', { secret: keyFile(file) });
    const { rootFile } = await run('backup');
    await run('seal');
    const guesses = await Promise.allSettled(Array.from({ length: 12 }, () => unseal(keyFile(wrong))));
    const codes = guesses.map((guess) => (guess.status === 'rejected' ? (guess.reason as { code: string }).code : ''));
    expect(codes.filter((code) => code === 'AccessDenied')).toHaveLength(3);
    expect(codes.filter((code) => code === 'Throttling')).toHaveLength(9);
    await call(alice, 'verifyRootFile', { rootFile, secrets: [keyFile(file)] });
    await expect(unseal(keyFile(file))).rejects.toThrow(coded('Throttling', 'try again in 1 s'));
  });

  test('two of three shares never open a set of three, whatever is done to them', async () => {
    const { shares } = await initialize('board', { threshold: 3, count: 5 });
    const { rootFile } = await run('backup');
    await run('seal');
    const known = shares.map((line) => parseShare(Buffer.from(line).toString('latin1')));
    const pretend = (index: number, threshold: number): Uint8Array =>
      Buffer.from(formatShare({ ...(known[index] as Share), threshold }));
    for (const [a, b] of [
      [0, 1],
      [1, 4],
      [3, 2],
    ] as const) {
      // prettier-ignore
      expect((await unseal(share(shares[a] as Uint8Array))).progress).toMatchObject({ given: 1, needed: 3 });
      expect((await unseal(share(shares[b] as Uint8Array))).progress).toMatchObject({ given: 2, needed: 3 });
      for (const again of [a, b])
        await expect(unseal(share(shares[again] as Uint8Array))).rejects.toThrow(coded('Validation', 'given already'));
      await expect(unseal(share(pretend(a, 2)))).rejects.toThrow(coded('Validation', 'a set that does not'));
      // A third one that nobody was given: all are forgotten, and nobody is told which was wrong.
      const made = { ...(known[a] as Share), bytes: Buffer.concat([Buffer.alloc(32, 7), Buffer.from([200 + a])]) };
      await expect(unseal(share(Buffer.from(formatShare(made))))).rejects.toThrow(coded('AccessDenied', 'do not open'));
      expect((await describeRoot()).condition).toBe(RootCondition.ROOT_CONDITION_SEALED);
      const forged = [pretend(a, 2), pretend(b, 2)].map(share);
      await expect(call(alice, 'verifyRootFile', { rootFile, secrets: forged })).rejects.toThrow(
        coded('AccessDenied', 'do not open'),
      );
      await new Promise((later) => setTimeout(later, 1_100)); // after the third wrong guess one has to wait
    }
    for (const line of shares.slice(0, 3)) await unseal(share(line));
    expect((await describeRoot()).condition).toBe(RootCondition.ROOT_CONDITION_OPEN);
  });

  test('a made-up share that asks for more of them keeps nobody out', async () => {
    const { shares } = await initialize('board', { threshold: 2, count: 3 });
    await run('seal');
    const known = parseShare(Buffer.from(shares[0] as Uint8Array).toString('latin1'));
    const more = Buffer.from(formatShare({ ...known, threshold: 200 }));
    await expect(unseal(share(more))).rejects.toThrow(coded('Validation', 'a set that does not'));
    await unseal(share(shares[1] as Uint8Array));
    await unseal(share(shares[2] as Uint8Array));
    expect((await describeRoot()).condition).toBe(RootCondition.ROOT_CONDITION_OPEN);
  });
});

describe('quorum', () => {
  const [ann, bob, eve] = [officer('ann'), officer('bob'), officer('eve')];

  beforeEach(async () => {
    await initialize('file', { secret: keyFile(Buffer.alloc(32, 9)) });
    for (const { name, key } of [ann, bob]) await run('add-operator', { name, role: 'officer', key });
    await run('set-rule', { command: '*', role: 'officer', count: '2' });
  });

  const both = (command: Uint8Array): CommandSignature[] => [signature(command, ann), signature(command, bob)];

  test('two officers together may do what one of them may not', async () => {
    const { command, needed } = await prepare('backup');
    expect(needed).toEqual([{ command: '*', role: 'officer', count: 2 }]);
    await expect(execute(command)).rejects.toThrow(
      coded('AccessDenied', 'needs 2 signatures of role officer and has 0'),
    );
    await expect(execute(command, [signature(command, ann)])).rejects.toThrow(coded('AccessDenied', 'has 1'));
    const { rootFile, rootGeneration } = await execute(command, both(command));
    expect(Buffer.from(rootFile).subarray(0, 8).toString()).toBe('KSTDROOT');
    expect(rootGeneration).toBe(5n);
  });

  test('replayed, reordered, expired, changed, of somebody else, signed twice: refused', async () => {
    const { command } = await prepare('backup');
    const { command: other } = await prepare('remove-recipient', { name: 'file' });
    const refusals: [string, CommandSignature[]][] = [
      ['has 0', []],
      ['signed twice', [signature(command, ann), signature(command, ann)]],
      ['nobody who is an operator', [signature(command, ann), signature(command, eve)]],
      [
        'signature of operator bob is wrong',
        [signature(command, ann), { ...signature(command, eve), operator: 'bob' }],
      ],
      ['signature of operator ann is wrong', both(other)],
      ['signature of operator ann is wrong', [{ operator: 'ann', signature: Buffer.alloc(64) }]],
      ['signature of operator ann is wrong', [{ operator: 'ann', signature: Buffer.alloc(0) }]],
    ];
    for (const [why, signatures] of refusals)
      await expect(execute(command, signatures)).rejects.toThrow(coded('AccessDenied', why));
    const changed = Buffer.from(Buffer.from(command).toString().replace('"cmd":"backup"', '"cmd":"seal"'));
    await expect(execute(changed, both(command))).rejects.toThrow(coded('AccessDenied', 'is wrong'));
    const spaced = Buffer.from(Buffer.from(command).toString().replace('{', '{ '));
    await expect(execute(spaced, both(spaced))).rejects.toThrow(coded('Validation', 'not as it was prepared'));

    await execute(command, both(command));
    await expect(execute(command, both(command))).rejects.toThrow(coded('AccessDenied', 'carried out before'));
    // Signed in this order, to be carried out in that one: the root has changed in between.
    await expect(execute(other, both(other))).rejects.toThrow(coded('AccessDenied', 'the root has changed'));
    await restart();
    await unseal(keyFile(Buffer.alloc(32, 9)));
    await expect(execute(command, both(command))).rejects.toThrow(coded('AccessDenied', 'carried out before'));

    const { command: short } = await prepare('backup', {}, undefined, 1);
    await new Promise((later) => setTimeout(later, 1_050));
    await expect(execute(short, both(short))).rejects.toThrow(coded('AccessDenied', 'expired'));
    const long = Buffer.from(
      Buffer.from(short)
        .toString()
        .replace(/"exp":"20/, '"exp":"21'),
    );
    await expect(execute(long, both(long))).rejects.toThrow(coded('AccessDenied', 'more than a day'));
  });

  test('rules and operators change only with the signatures that every rule asks for', async () => {
    for (const [name, args] of [
      ['set-rule', { command: '*', role: 'officer', count: '0' }],
      ['set-rule', { command: 'backup', role: 'nobody', count: '1' }],
      ['remove-operator', { name: 'bob' }],
      ['add-operator', { name: eve.name, role: 'officer', key: eve.key }],
      ['remove-recipient', { name: 'file' }],
      ['add-recipient', { name: 'mine', threshold: '2', count: '2' }],
    ] as const) {
      const { command } = await prepare(name, args);
      await expect(execute(command)).rejects.toThrow(coded('AccessDenied'));
      await expect(execute(command, [signature(command, bob)])).rejects.toThrow(coded('AccessDenied'));
    }
    // Nobody locks everybody out by mistake.
    const { command: lock } = await prepare('remove-operator', { name: 'bob' });
    await expect(execute(lock, both(lock))).rejects.toThrow(coded('Conflict', 'needs 2 operators'));
    const { command: many } = await prepare('set-rule', { command: 'backup', role: 'officer', count: '3' });
    await expect(execute(many, both(many))).rejects.toThrow(coded('Conflict', 'needs 3 operators'));
    const { command: add } = await prepare('add-operator', { name: eve.name, role: 'officer', key: eve.key });
    await execute(add, both(add));
    const { command: again } = await prepare('add-operator', { name: 'eve2', role: 'officer', key: eve.key });
    await expect(execute(again, both(again))).rejects.toThrow(coded('AlreadyExists'));
    const { command: leave } = await prepare('remove-operator', { name: 'ann' });
    await execute(leave, [signature(leave, bob), signature(leave, eve)]);
    expect((await describeRoot()).operators.map(({ name }) => name)).toEqual(['bob', 'eve']);
  });

  test('sealing stays free in an emergency, unless it has a rule of its own', async () => {
    await run('seal');
    await unseal(keyFile(Buffer.alloc(32, 9)));
    const { command } = await prepare('set-rule', { command: 'seal', role: 'officer', count: '1' });
    await execute(command, both(command));
    await expect(run('seal')).rejects.toThrow(coded('AccessDenied', 'needs 1'));
  });
});

test('a command for another domain is refused', async () => {
  await initialize('file', { secret: keyFile(Buffer.alloc(32, 9)) });
  const { command } = await prepare('backup');
  const other = Buffer.from(
    Buffer.from(command)
      .toString()
      .replace(/"domain":"[0-9a-f]{4}/, '"domain":"0000'),
  );
  await expect(execute(other)).rejects.toThrow(coded('AccessDenied', 'another HSM domain'));
});

test('a backup and its shares open on an empty machine; verify installs nothing', async () => {
  const { shares } = await initialize('board', { threshold: 2, count: 3 });
  const { token } = await kms.stream.request('generateKey', newKey);
  const key = { token, account: newKey.account, keyId: newKey.keyId };
  const sealed = await kms.stream.request('encrypt', { key, plaintext: Buffer.from('old'), encryptionContext: {} });
  const { rootFile } = await run('backup');

  const empty = await cluster('none');
  const there = await empty.client('spiffe://keystead.local/operator/bob');
  const theirKms = await empty.client(service('kms-service'));
  try {
    const verify = (secrets: RootSecret[], file: Uint8Array = rootFile) =>
      call<object>(there, 'verifyRootFile', { rootFile: file, secrets });
    const two = (): RootSecret[] => shares.slice(1).map(share);
    expect(await verify(two())).toMatchObject({
      recipient: 'board',
      activeEpoch: 1,
      rootGeneration: 1n,
      thisDomain: false,
    });
    await expect(verify(two().slice(1))).rejects.toThrow(coded('Validation', '2 different shares'));
    await expect(verify([passphrase('x')])).rejects.toThrow(coded('Validation', 'opens by SHAMIR'));
    const flipped = Buffer.from(rootFile);
    flipped[100] = (flipped[100] as number) ^ 1;
    await expect(verify(two(), flipped)).rejects.toThrow(coded('Conflict', 'damaged'));

    // What `keystead hsm restore` does.
    await writeFile(join(empty.folder, 'root', 'root-000000000001.kst'), rootFile);
    for (const secret of two()) await call(there, 'unseal', { secret });
    const opened = await theirKms.stream.request('decrypt', { key, ...sealed, encryptionContext: {} });
    expect(Buffer.from(opened.plaintext).toString()).toBe('old');
  } finally {
    there[Symbol.dispose]();
    theirKms[Symbol.dispose]();
    await empty[Symbol.asyncDispose]();
  }
});

test('every ceremony is in the journal, refusals too, until kms-service has delivered it; no secret is', async () => {
  const { shares } = await initialize('board', { threshold: 2, count: 3 });
  await run('add-recipient', { name: 'file' }, () => keyFile(Buffer.alloc(32, 9)));
  await run('seal');
  await unseal(share(shares[0] as Uint8Array));
  await expect(unseal(keyFile(Buffer.alloc(32)))).rejects.toThrow(coded('AccessDenied'));
  await restart();
  const pending = () =>
    call<{ ceremonies: { name: string; sequence: bigint; operator: string; errorCode: string }[] }>(
      kms,
      'listCeremonies',
      {},
    );
  const { ceremonies } = await pending();
  expect(ceremonies.map(({ name, errorCode }) => [name, errorCode])).toEqual([
    ['InitializeRoot', ''],
    ['AddRecipient', ''],
    ['SealRoot', ''],
    ['UnsealRoot', ''],
    ['UnsealRoot', 'AccessDenied'],
  ]);
  expect(ceremonies[3]).toMatchObject({ operator: 'alice', parameters: { with: 'SHARE', shares: '1 of 2' } });
  await call(kms, 'acknowledgeCeremonies', { sequence: 3n });
  expect((await pending()).ceremonies.map(({ sequence }) => sequence)).toEqual([4n, 5n]);
  await restart();
  expect((await pending()).ceremonies.map(({ sequence }) => sequence)).toEqual([4n, 5n]);
  const journal = await readFile(join(hsm.folder, 'root', 'ceremonies.jsonl'), 'utf8');
  for (const line of shares) expect(journal).not.toContain(Buffer.from(line).toString());
  await expect(call(alice, 'acknowledgeCeremonies', { sequence: 5n })).rejects.toThrow(coded('AccessDenied'));
  await expect(call(kms, 'unseal', { secret: keyFile(Buffer.alloc(32)) })).rejects.toThrow(coded('AccessDenied'));
});
