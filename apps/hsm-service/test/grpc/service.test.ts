import { status } from '@grpc/grpc-js';
import { createAuthority } from '@keystead/pki';
import type { DecryptRequest, GenerateKeyRequest, GetStatusResponse } from '@keystead/proto/hsm';
import { ConfigError, invoke, type InvokeOptions, type UnaryMethod } from '@keystead/service';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect as connectTcp } from 'node:net';
import { connect, type TLSSocketOptions, type ConnectionOptions } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config.js';
import type { Operation } from '../../src/grpc/operations.js';
import { start } from '../../src/main.js';
import { cluster, service, type Client, type Cluster } from './cluster.js';

let hsm: Cluster;
let kms: Client;
beforeAll(async () => {
  hsm = await cluster();
  kms = await hsm.client(service('kms-service'));
});
afterAll(async () => {
  kms[Symbol.dispose]();
  await hsm[Symbol.asyncDispose]();
});

const account = '111122223333';
const keyId = '1234abcd-12ab-34cd-56ef-1234567890ab';
const newKey: GenerateKeyRequest = { account, keyId, keySpec: 1, keyUsage: 1, generation: 0, multiRegion: false };
const encryptionContext = { purpose: 'test' };
const coded = (code: string): Error => expect.objectContaining({ code }) as Error;
const options: InvokeOptions = { timeoutMs: 5_000 };
const unary = <Q, A>(method: UnaryMethod<Q, A>, request: Q): Promise<A> => invoke(method, request, options);

async function makeKey(): Promise<{ token: Uint8Array; account: string; keyId: string }> {
  const { token } = await kms.stream.request('generateKey', newKey);
  return { token, account, keyId };
}

describe('over the stream', () => {
  test('a key is made, encrypts, and decrypts', async () => {
    const key = await makeKey();
    const plaintext = Buffer.from('hello');
    const { ciphertextBlob } = await kms.stream.request('encrypt', { key, plaintext, encryptionContext });
    const answer = await kms.stream.request('decrypt', { key, ciphertextBlob, encryptionContext });
    expect(Buffer.from(answer.plaintext)).toEqual(plaintext);
    const other = { key, ciphertextBlob, encryptionContext: {} };
    await expect(kms.stream.request('decrypt', other)).rejects.toThrow(coded('InvalidCiphertext'));
  });

  test('many operations at once all come back right', async () => {
    const key = await makeKey();
    const round = async (i: number): Promise<void> => {
      const plaintext = Buffer.from(`message ${i}`);
      const { ciphertextBlob } = await kms.stream.request('encrypt', { key, plaintext, encryptionContext });
      const answer = await kms.stream.request('decrypt', { key, ciphertextBlob, encryptionContext });
      expect(Buffer.from(answer.plaintext)).toEqual(plaintext);
    };
    await Promise.all(Array.from({ length: 500 }, (_, i) => round(i)));
  });

  test('a data key leaves in the clear only when that is wanted', async () => {
    const request = { key: await makeKey(), numberOfBytes: 32, encryptionContext };
    const open = await kms.stream.request('generateDataKey', { ...request, withoutPlaintext: false });
    const closed = await kms.stream.request('generateDataKey', { ...request, withoutPlaintext: true });
    expect(open.plaintext).toHaveLength(32);
    expect(open.plaintext.some((byte) => byte !== 0)).toBe(true);
    expect(closed.plaintext).toHaveLength(0);
    expect(closed.ciphertextBlob).toHaveLength(108);
  });

  test('a message moves to another key', async () => {
    const [sourceKey, destinationKey] = [await makeKey(), await makeKey()];
    const plaintext = Buffer.from('hello');
    const blob = await kms.stream.request('encrypt', { key: sourceKey, plaintext, encryptionContext });
    const { ciphertextBlob } = await kms.stream.request('reEncrypt', {
      ...{ sourceKey, ...blob, sourceEncryptionContext: encryptionContext },
      ...{ destinationKey, destinationEncryptionContext: {} },
    });
    const moved = { key: destinationKey, ciphertextBlob, encryptionContext: {} };
    expect(Buffer.from((await kms.stream.request('decrypt', moved)).plaintext)).toEqual(plaintext);
  });

  test.each<[string, Operation]>([
    ['UnsupportedOperation', { $case: 'generateKey', value: { ...newKey, keySpec: 14, keyUsage: 2 } }],
    ['Validation', { $case: 'generateKey', value: { ...newKey, account: '' } }],
    ['Validation', { $case: 'generateRandom', value: { numberOfBytes: 1025 } }],
    ['Validation', { $case: 'encrypt', value: { key: undefined, plaintext: Buffer.alloc(1), encryptionContext: {} } }],
    [
      'InvalidToken',
      {
        $case: 'encrypt',
        value: { key: { token: Buffer.alloc(180), account, keyId }, plaintext: Buffer.alloc(1), encryptionContext: {} },
      },
    ],
  ])('%s', async (code, operation) => {
    await expect(kms.stream.call(operation)).rejects.toThrow(coded(code));
  });
});

test('the unary RPCs do the same', async () => {
  const { token } = await unary(kms.crypto.generateKey.bind(kms.crypto), newKey);
  const key = { token, account, keyId };
  const plaintext = Buffer.from('hello');
  const sealed = await unary(kms.crypto.encrypt.bind(kms.crypto), { key, plaintext, encryptionContext });
  const request: DecryptRequest = { key, ...sealed, encryptionContext };
  expect(Buffer.from((await unary(kms.crypto.decrypt.bind(kms.crypto), request)).plaintext)).toEqual(plaintext);
  const random = await unary(kms.crypto.generateRandom.bind(kms.crypto), { numberOfBytes: 64 });
  expect(random.plaintext.some((byte) => byte !== 0)).toBe(true);
  await expect(unary(kms.crypto.decrypt.bind(kms.crypto), { ...request, encryptionContext: {} })).rejects.toThrow(
    coded('InvalidCiphertext'),
  );
});

describe('who may ask', () => {
  const strangers = ['iam-service', 'audit-service', 'object-store-gateway', 'edge', 'hsm-service', 'kms-service2'];
  test.each([
    ...strangers.map(service),
    'spiffe://keystead.local/operator/alice',
    'spiffe://keystead.local/operator/kms-service',
    'spiffe://keystead.local/principal/AIDA/arn:aws:iam::111122223333:user/kms-service',
    'spiffe://elsewhere.local/svc/kms-service',
  ])('%s gets no cryptography', async (spiffe) => {
    using client = await hsm.client(spiffe);
    const call = unary(client.crypto.generateRandom.bind(client.crypto), { numberOfBytes: 1 });
    await expect(call).rejects.toThrow(coded('AccessDenied'));
    const stream = client.crypto.pipeline().on('data', () => undefined);
    const refusal = await new Promise((refused) => stream.on('error', refused));
    expect(refusal).toMatchObject({ code: status.PERMISSION_DENIED });
  });

  test('status is for operators and kms-service', async () => {
    const ask = async (spiffe: string): Promise<GetStatusResponse> => {
      using client = await hsm.client(spiffe);
      return await unary(client.admin.getStatus.bind(client.admin), {});
    };
    const expected = { rootGeneration: 1n, activeEpoch: 1, recipients: ['KEYFILE'] };
    expect(await ask('spiffe://keystead.local/operator/alice')).toMatchObject(expected);
    expect(await ask(service('kms-service'))).toMatchObject(expected);
    await expect(ask(service('edge'))).rejects.toThrow(coded('AccessDenied'));
  });

  test('another authority, no certificate, an old one, TLS 1.2, no TLS: refused before any request', async () => {
    const [dir, theirs] = [await hsm.certificate(service('kms-service')), await createAuthority('other', new Date())];
    const forged = await hsm.certificate(service('kms-service'), theirs);
    const own = await pemsOf(dir);
    expect(await speaks(hsm, own)).toBe(true);
    expect(await speaks(hsm, { ...own, maxVersion: 'TLSv1.2' })).toBe(false);
    expect(await speaks(hsm, { ca: own.ca })).toBe(false);
    expect(await speaks(hsm, await pemsOf(forged))).toBe(false);
    const twoHoursAgo = new Date(Date.now() - 2 * 3_600_000);
    const expired = await hsm.certificate(service('kms-service'), undefined, twoHoursAgo);
    expect(await speaks(hsm, await pemsOf(expired))).toBe(false);
    expect(await answersInClear(hsm)).not.toMatch(/HTTP|SETTINGS/);
  });

  test('a message over 128 KiB is not read', async () => {
    const request = { key: await makeKey(), plaintext: Buffer.alloc(130 << 10), encryptionContext };
    await expect(unary(kms.crypto.encrypt.bind(kms.crypto), request)).rejects.toThrow(coded('Throttling'));
  });
});

describe('starting', () => {
  const configOf = async (change: Record<string, string>) =>
    readConfig({
      KEYSTEAD_TLS_DIR: await hsm.certificate(service('hsm-service')),
      KEYSTEAD_ROOT_DIR: join(hsm.folder, 'root'),
      KEYSTEAD_ROOT_KEY_FILE: join(hsm.folder, 'root.key'),
      ...{ KEYSTEAD_LOG_LEVEL: 'silent', ...change },
    });
  const again = async (change: Record<string, string> = {}): Promise<void> => {
    await (await start(await configOf(change))).close();
  };

  test('a second start opens the same root and leaves it as it is', async () => {
    const before = await readFile(join(hsm.folder, 'root', 'root-000000000001.kst'));
    await again();
    expect(await readFile(join(hsm.folder, 'root', 'root-000000000001.kst'))).toEqual(before);
  });

  test.each([32, 5])('a wrong key file of %i bytes leaves the HSM sealed: alive, not ready', async (length) => {
    const path = join(hsm.folder, `wrong-${length}.key`);
    await writeFile(path, Buffer.alloc(length));
    const sealed = await start(await configOf({ KEYSTEAD_ROOT_KEY_FILE: path }));
    try {
      const probe = async (name: string) => (await fetch(`http://${sealed.opsAddress}/${name}`)).status;
      expect([await probe('livez'), await probe('readyz')]).toEqual([200, 503]);
    } finally {
      await sealed.close();
    }
  });

  test('a root directory that cannot be used is one sentence', async () => {
    const file = join(hsm.folder, 'file');
    await writeFile(file, '');
    await expect(again({ KEYSTEAD_ROOT_DIR: file })).rejects.toThrow(ConfigError);
  });

  test("another service's certificate is one sentence", async () => {
    const attempt = again({ KEYSTEAD_TLS_DIR: await hsm.certificate(service('kms-service')) });
    await expect(attempt).rejects.toThrow('svc/hsm-service is needed');
  });

  test('at most one way to open the root is configured', () => {
    const env = { KEYSTEAD_TLS_DIR: '/x', KEYSTEAD_ROOT_DIR: '/x' };
    const both = { KEYSTEAD_ROOT_KEY_FILE: '/a', KEYSTEAD_ROOT_PASSPHRASE_FILE: '/b' };
    expect(readConfig(env).unlock).toBeUndefined();
    expect(() => readConfig({ ...env, ...both })).toThrow(ConfigError);
  });

  test('pinned domains are named by whole fingerprints', () => {
    const env = { KEYSTEAD_TLS_DIR: '/x', KEYSTEAD_ROOT_DIR: '/x', KEYSTEAD_ROOT_KEY_FILE: '/a' };
    const [a, b] = ['aB'.repeat(32), '01'.repeat(32)];
    const { transferPeers } = readConfig({ ...env, KEYSTEAD_TRANSFER_PEERS: `${a}, ${b}` });
    expect([...transferPeers]).toEqual([a.toLowerCase(), b]);
    expect(readConfig(env).transferPeers.size).toBe(0);
    expect(() => readConfig({ ...env, KEYSTEAD_TRANSFER_PEERS: a.slice(2) })).toThrow(ConfigError);
  });
});

type Pems = Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'maxVersion'>;

async function pemsOf(dir: string): Promise<Pems> {
  const read = (name: string): Promise<Buffer> => readFile(join(dir, name));
  const [ca, cert, key] = await Promise.all([read('ca.crt'), read('tls.crt'), read('tls.key')]);
  return { ca, cert, key };
}

/** What the server says to a client that speaks HTTP/2 without TLS, until it hangs up. */
function answersInClear({ running }: Cluster): Promise<string> {
  const [host, port] = running.address.split(':');
  return new Promise((answer) => {
    let said = '';
    const socket = connectTcp(Number(port), host, () => socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'));
    socket.on('data', (bytes) => (said += bytes.toString('latin1'))).on('error', () => undefined);
    socket.on('close', () => answer(said));
  });
}

/** Whether the server lets a client say something and answers. */
function speaks({ running }: Cluster, pems: Pems & TLSSocketOptions): Promise<boolean> {
  const [host, port] = running.address.split(':');
  return new Promise((answer) => {
    const options = { ...pems, host, port: Number(port), ALPNProtocols: ['h2'], checkServerIdentity: () => undefined };
    const socket = connect(options as ConnectionOptions);
    // In TLS 1.3 a server refuses a client's certificate after the client's own handshake: wait for its settings frame.
    socket.once('data', () => socket.end(() => answer(true)));
    socket.once('close', () => answer(false)).once('error', () => answer(false));
  });
}
