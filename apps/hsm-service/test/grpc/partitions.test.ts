import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ChangePartitionResponse,
  type ExecuteCommandResponse,
  type ListPartitionsResponse,
  type PartitionGenerateKeyResponse,
  type PartitionServiceClient,
  type PartitionUnwrapKeyResponse,
  type PartitionWrapKeyResponse,
  type PrepareCommandResponse,
} from '@keystead/proto/hsm';
import { invoke, type UnaryMethod } from '@keystead/service';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cluster, service, type Client, type Cluster } from './cluster.js';

const name = (of: string): string => `spiffe://keystead.local/svc/${of}`;
const coded = (code: string): Error => expect.objectContaining({ code }) as Error;
type Method = keyof PartitionServiceClient;
const call = <A>({ partitions }: Client, method: Method, request: object): Promise<A> => {
  const bound = partitions[method].bind(partitions) as unknown as UnaryMethod<object, A>;
  return invoke(bound, request, { timeoutMs: 20_000 });
};

let hsm: Cluster;
const clients = new Map<string, Client>();
const as = (who: string): Client => clients.get(who) as Client;
beforeAll(async () => {
  hsm = await cluster();
  clients.set('operator', await hsm.client('spiffe://keystead.local/operator/ops'));
  for (const one of ['officer-a', 'officer-b', 'second-a', 'user-a', 'user-b', 'nobody'])
    clients.set(one, await hsm.client(name(one)));
  for (const one of ['a', 'b']) {
    await command('create-partition', { name: one, officer: name(`officer-${one}`) });
    expect(await change(one, `officer-${one}`, { $case: 'addUser', value: name(`user-${one}`) })).toMatchObject({
      done: true,
    });
  }
});
afterAll(async () => {
  for (const client of clients.values()) client[Symbol.dispose]();
  await hsm[Symbol.asyncDispose]();
});

async function command(what: string, args: Record<string, string>): Promise<ExecuteCommandResponse> {
  const { ceremonies } = as('operator');
  const request = { command: what, arguments: args, secret: undefined, validSeconds: 0 };
  const { command: bytes } = await invoke<typeof request, PrepareCommandResponse>(
    ceremonies.prepareCommand.bind(ceremonies),
    request,
  );
  return invoke<object, ExecuteCommandResponse>(
    ceremonies.executeCommand.bind(ceremonies) as unknown as UnaryMethod<object, ExecuteCommandResponse>,
    { command: bytes, signatures: [], secret: undefined },
  );
}

const change = (partition: string, who: string, what: object): Promise<ChangePartitionResponse> =>
  call(as(who), 'changePartition', { partition, change: what });

interface Key {
  readonly token: Uint8Array;
  readonly keyId: string;
}

/** A new id, of no account. */
const nobodys = { account: '', keyId: '' };
const generate = (partition: string, keySpec = 1, keyUsage = 1, of = nobodys): Promise<PartitionGenerateKeyResponse> =>
  call(as(`user-${partition}`), 'partitionGenerateKey', { partition, keySpec, keyUsage, ...of });
const named = ({ token, keyId }: Key): object => ({ token, keyId, account: '' });
const use = <A = { ciphertextBlob: Uint8Array; plaintext: Uint8Array; token: Uint8Array }>(
  partition: string,
  operation: string,
  request: object,
  who = `user-${partition}`,
): Promise<A> =>
  call<{ response: A }>(as(who), `partition${operation}` as Method, { partition, request }).then(
    ({ response }) => response,
  );
const encrypt = (partition: string, key: Key, who?: string) =>
  use(partition, 'Encrypt', { key: named(key), plaintext: Buffer.from('secret'), encryptionContext: {} }, who);

test('a user makes keys and uses them; the token tells nothing and nobody reads a key out', async () => {
  const key = await generate('a');
  const { ciphertextBlob } = await encrypt('a', key);
  const { plaintext } = await use('a', 'Decrypt', { key: named(key), ciphertextBlob, encryptionContext: {} });
  expect(Buffer.from(plaintext).toString()).toBe('secret');
  const pair = await generate('a', 5, 2);
  const signing = { key: named(pair), message: Buffer.from('m'), messageType: 1, signingAlgorithm: 7 };
  const { signature } = await use<{ signature: Uint8Array }>('a', 'Sign', signing);
  await use('a', 'Verify', { ...signing, signature });
  const { publicKey } = await use<{ publicKey: Uint8Array }>('a', 'GetPublicKey', { key: named(pair) });
  expect(publicKey).toEqual(pair.publicKey);
  const mac = await generate('a', 11, 4);
  const macs = { key: named(mac), message: Buffer.from('m'), macAlgorithm: 2 };
  await use('a', 'VerifyMac', { ...macs, ...(await use<{ mac: Uint8Array }>('a', 'GenerateMac', macs)) });
  for (const account of ['000000000000', '1', 'x'.repeat(12)])
    await expect(use('a', 'GetPublicKey', { key: { ...named(key), account } })).rejects.toThrow(coded('Validation'));
  await expect(use('a', 'GetPublicKey', { key: undefined })).rejects.toThrow(coded('Validation'));
});

test('what a custom key store needs: keys of accounts under ids that it chose, data keys, pairs, and another key', async () => {
  const [account, keyId] = ['111122223333', '1234abcd-12ab-34cd-56ef-1234567890ab'];
  const made = await generate('a', 1, 1, { account, keyId });
  expect(made.keyId).toBe(keyId);
  const key = { token: made.token, keyId, account };
  const encryptionContext = { purpose: 'test' };
  type DataKey = { plaintext: Uint8Array; ciphertextBlob: Uint8Array };
  const wanted = { key, numberOfBytes: 32, encryptionContext, withoutPlaintext: false };
  const dataKey = await use<DataKey>('a', 'GenerateDataKey', wanted);
  const opened = await use('a', 'Decrypt', { key, ciphertextBlob: dataKey.ciphertextBlob, encryptionContext });
  expect(opened.plaintext).toEqual(dataKey.plaintext);
  const hidden = await use<DataKey>('a', 'GenerateDataKey', { ...wanted, withoutPlaintext: true });
  expect([hidden.plaintext.length, hidden.ciphertextBlob.length]).toEqual([0, dataKey.ciphertextBlob.length]);
  const pair = { key, keyPairSpec: 5, encryptionContext, withoutPlaintext: false };
  type Pair = { privateKeyPlaintext: Uint8Array; privateKeyCiphertextBlob: Uint8Array };
  const { privateKeyPlaintext, privateKeyCiphertextBlob } = await use<Pair>('a', 'GenerateDataKeyPair', pair);
  const half = await use('a', 'Decrypt', { key, ciphertextBlob: privateKeyCiphertextBlob, encryptionContext });
  expect(half.plaintext).toEqual(privateKeyPlaintext);
  const other = await generate('a');
  const moved = await use('a', 'ReEncrypt', {
    ...{ sourceKey: key, sourceEncryptionContext: encryptionContext, ciphertextBlob: dataKey.ciphertextBlob },
    ...{ destinationKey: named(other), destinationEncryptionContext: {} },
  });
  const again = await use('a', 'Decrypt', { key: named(other), ...moved, encryptionContext: {} });
  expect(again.plaintext).toEqual(dataKey.plaintext);
  // The account is authenticated in the token, and a wrapping, which does not name it, is refused.
  for (const account of ['', '111122223334'])
    await expect(use('a', 'GetPublicKey', { key: { ...key, account } })).rejects.toThrow(coded('InvalidToken'));
  const wrapping = { partition: 'a', wrappingKey: named(other), key };
  await expect(call(as('user-a'), 'partitionWrapKey', wrapping)).rejects.toThrow(coded('Validation'));
});

test('a tenant who makes key pairs without end takes the thread from nobody', async () => {
  const made = await Promise.allSettled(Array.from({ length: 12 }, () => generate('a', 4, 2)));
  const refused = made.filter(
    (one) => one.status === 'rejected' && (one.reason as Error).name === 'ThrottlingException',
  );
  expect(refused.length).toBeGreaterThan(0);
  await generate('b', 5, 2);
});

test('a wrapped key comes back as the same key, and Decrypt with the wrapping key does not open it', async () => {
  const [wrapping, key] = [await generate('a'), await generate('a')];
  const { ciphertextBlob } = await encrypt('a', key);
  const { wrappedKey } = await call<PartitionWrapKeyResponse>(as('user-a'), 'partitionWrapKey', {
    ...{ partition: 'a', wrappingKey: named(wrapping), key: named(key) },
  });
  for (const encryptionContext of [{}, { purpose: 'wrapped-key' }])
    await expect(
      use('a', 'Decrypt', { key: named(wrapping), ciphertextBlob: wrappedKey, encryptionContext }),
    ).rejects.toThrow(coded('InvalidCiphertext'));
  const unwrap = (wrapped: Uint8Array, by: Key = wrapping) =>
    call<PartitionUnwrapKeyResponse>(as('user-a'), 'partitionUnwrapKey', {
      ...{ partition: 'a', wrappingKey: named(by), wrappedKey: wrapped },
    });
  const back = await unwrap(wrappedKey);
  expect(back.keyId).toBe(key.keyId);
  const { plaintext } = await use('a', 'Decrypt', { key: named(back), ciphertextBlob, encryptionContext: {} });
  expect(Buffer.from(plaintext).toString()).toBe('secret');
  const bent = Buffer.from(wrappedKey);
  bent[80] = (bent[80] as number) ^ 1;
  await expect(unwrap(bent)).rejects.toThrow(coded('InvalidCiphertext'));
  await expect(unwrap(wrappedKey, await generate('a'))).rejects.toThrow(coded('InvalidCiphertext'));
});

test('the cross product: no operation takes a key of another partition, or of KMS, and KMS takes none of a partition', async () => {
  const kms = await hsm.client(service('kms-service'));
  const fields = { account: '000000000000', keyId: '1234abcd-12ab-34cd-56ef-1234567890ab', generation: 0 };
  const ofKms = await kms.stream.request('generateKey', { ...fields, keySpec: 1, keyUsage: 1, multiRegion: false });
  const message = { message: Buffer.from('m'), messageType: 1, signingAlgorithm: 7, macAlgorithm: 2 };
  const { publicKey } = await generate('a', 5, 8);
  const requests: Record<string, object> = {
    Encrypt: { plaintext: Buffer.from('x'), encryptionContext: {} },
    Decrypt: { ciphertextBlob: Buffer.alloc(100), encryptionContext: {} },
    Sign: message,
    Verify: { ...message, signature: Buffer.alloc(64) },
    GenerateMac: message,
    VerifyMac: { ...message, mac: Buffer.alloc(32) },
    DeriveSharedSecret: { publicKey },
    GetPublicKey: {},
    Rewrap: {},
    GenerateDataKey: { numberOfBytes: 32, encryptionContext: {}, withoutPlaintext: true },
    GenerateDataKeyPair: { keyPairSpec: 5, encryptionContext: {}, withoutPlaintext: true },
  };
  const kinds = [[1, 1], [5, 2], [11, 4], [5, 8], [2, 1]] as const; // prettier-ignore
  const keys: Record<string, Key[]> = { a: [], b: [], kms: [{ token: ofKms.token, keyId: fields.keyId }] };
  for (const partition of ['a', 'b'])
    for (const [spec, usage] of kinds) keys[partition]?.push(await generate(partition, spec, usage));
  let refused = 0;
  for (const partition of ['a', 'b']) {
    const wrapping = (keys[partition] ?? [])[0] as Key;
    for (const foreign of [...(keys[partition === 'a' ? 'b' : 'a'] ?? []), ...(keys['kms'] ?? [])]) {
      for (const [operation, request] of Object.entries(requests)) {
        await expect(use(partition, operation, { ...request, key: named(foreign) })).rejects.toThrow(
          coded('InvalidToken'),
        );
        refused++;
      }
      for (const [wrappingKey, key] of [
        [wrapping, foreign],
        [foreign, wrapping],
      ] as const) {
        // prettier-ignore
        const request = { partition, wrappingKey: named(wrappingKey), key: named(key) };
        await expect(call(as(`user-${partition}`), 'partitionWrapKey', request)).rejects.toThrow(coded('InvalidToken'));
      }
    }
  }
  expect(refused).toBe(2 * 6 * 11);
  for (const { token, keyId } of keys['a'] ?? [])
    await expect(kms.stream.request('rewrap', { key: { token, keyId, account: '000000000000' } })).rejects.toThrow(
      coded('InvalidToken'),
    );
  kms[Symbol.dispose]();
});

test('who is no user of a partition gets nothing there: other users, officers, operators, nobody, kms-service', async () => {
  clients.set('kms', await hsm.client(service('kms-service')));
  const key = await generate('a');
  for (const who of ['user-b', 'officer-a', 'operator', 'nobody', 'kms']) {
    await expect(encrypt('a', key, who)).rejects.toThrow(coded('AccessDenied'));
    const wanted = { partition: 'a', keySpec: 1, keyUsage: 1, ...nobodys };
    await expect(call(as(who), 'partitionGenerateKey', wanted)).rejects.toThrow(coded('AccessDenied'));
  }
  await expect(encrypt('none', key, 'user-a')).rejects.toThrow(coded('AccessDenied'));
  for (const who of ['user-a', 'officer-b', 'operator', 'nobody'])
    await expect(change('a', who, { $case: 'addUser', value: name('nobody') })).rejects.toThrow(coded('AccessDenied'));
  const shown = async (who: string): Promise<string[]> =>
    (await call<ListPartitionsResponse>(as(who), 'listPartitions', {})).partitions.map((one) => one.name);
  expect([await shown('operator'), await shown('user-a'), await shown('nobody')]).toEqual([['a', 'b'], ['a'], []]);
});

test('with a quorum a change needs as many officers, who ask for exactly the same; a removed user is out at once', async () => {
  await change('a', 'officer-a', { $case: 'addOfficer', value: name('second-a') });
  await expect(change('a', 'officer-a', { $case: 'setQuorum', value: 3 })).rejects.toThrow(coded('Validation'));
  expect(await change('a', 'officer-a', { $case: 'setQuorum', value: 2 })).toMatchObject({ done: true });
  const add = { $case: 'addUser', value: name('nobody') };
  expect(await change('a', 'officer-a', add)).toEqual({ done: false, approvals: 1, needed: 2 });
  expect(await change('a', 'officer-a', add)).toEqual({ done: false, approvals: 1, needed: 2 });
  // Who asks for something else takes their own word back, and nobody else's: one officer cannot stop the others.
  const other = { $case: 'addUser', value: name('somebody') };
  expect(await change('a', 'second-a', other)).toEqual({ done: false, approvals: 1, needed: 2 });
  expect(await change('a', 'officer-a', other)).toMatchObject({ done: true });
  await change('a', 'officer-a', { $case: 'removeUser', value: name('somebody') });
  await change('a', 'second-a', { $case: 'removeUser', value: name('somebody') });
  // What was asked for before a change that was made counts no more.
  expect(await change('a', 'second-a', add)).toEqual({ done: false, approvals: 1, needed: 2 });
  expect(await change('a', 'officer-a', add)).toEqual({ done: true, approvals: 2, needed: 2 });
  await call(as('nobody'), 'partitionGenerateKey', { partition: 'a', keySpec: 1, keyUsage: 1, ...nobodys });
  const remove = { $case: 'removeUser', value: name('nobody') };
  await change('a', 'officer-a', remove);
  await change('a', 'second-a', remove);
  await expect(
    call(as('nobody'), 'partitionGenerateKey', { partition: 'a', keySpec: 1, keyUsage: 1, ...nobodys }),
  ).rejects.toThrow(coded('AccessDenied'));
  await expect(change('a', 'officer-a', { $case: 'addUser', value: 'nobody' })).rejects.toThrow(coded('Validation'));
});

test('the domain key of a partition rotates: old tokens open and can be rewrapped', async () => {
  const key = await generate('b');
  const { ciphertextBlob } = await encrypt('b', key);
  expect(await change('b', 'officer-b', { $case: 'rotateDomainKey', value: true })).toMatchObject({ done: true });
  await encrypt('b', key);
  const { token } = await use('b', 'Rewrap', { key: named(key) });
  expect(Buffer.from(token).readUInt32BE(12)).toBe(2);
  const renewed = { token, keyId: key.keyId };
  const { plaintext } = await use('b', 'Decrypt', { key: named(renewed), ciphertextBlob, encryptionContext: {} });
  expect(Buffer.from(plaintext).toString()).toBe('secret');
});

test('zeroizing one leaves nothing of it, neither in memory nor in older root files, and touches no other', async () => {
  const [gone, stays] = [await generate('a'), await generate('b')];
  await expect(command('zeroize-partition', { name: 'nothing' })).rejects.toThrow(coded('NotFound'));
  await command('zeroize-partition', { name: 'a' });
  await expect(encrypt('a', gone)).rejects.toThrow(coded('AccessDenied'));
  await encrypt('b', stays);
  const files = (await readdir(join(hsm.folder, 'root'))).filter((file) => file.endsWith('.kst'));
  expect(files).toHaveLength(1);
  // A new one of the same name is another one.
  await command('create-partition', { name: 'a', officer: name('officer-a') });
  await change('a', 'officer-a', { $case: 'addUser', value: name('user-a') });
  await expect(encrypt('a', gone)).rejects.toThrow(coded('InvalidToken'));
  await generate('a');
});

test('partitions are there again after a restart, and what was done is noted for the audit log', async () => {
  const key = await generate('b');
  await hsm.restart();
  for (const [who, client] of [...clients]) {
    client[Symbol.dispose]();
    const uri = who === 'operator' ? 'spiffe://keystead.local/operator/ops' : name(who === 'kms' ? 'kms-service' : who);
    clients.set(who, await hsm.client(uri));
  }
  await encrypt('b', key);
  const { ceremonies } = as('kms');
  const listed = await invoke(ceremonies.listCeremonies.bind(ceremonies), {});
  const events = listed.ceremonies.map((one) => one.name);
  for (const event of ['CreatePartition', 'AddPartitionUser', 'SetPartitionQuorum', 'ZeroizePartition'])
    expect(events).toContain(event);
  const denied = listed.ceremonies.find(({ errorCode }) => errorCode === 'AccessDenied');
  expect(denied).toMatchObject({ name: 'AddPartitionUser', operator: name('user-a') });
});
