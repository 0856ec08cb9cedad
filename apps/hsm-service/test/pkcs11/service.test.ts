import { join } from 'node:path';
import type { GenerateKeyRequest, GetStatusResponse } from '@keystead/proto/hsm';
import { ConfigError, invoke } from '@keystead/service';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { readConfig } from '../../src/config.js';
import { cluster, service, type Client, type Cluster } from '../grpc/cluster.js';
import { missing, softHsm, type SoftHsm } from '../softhsm.js';

const account = '111122223333';
const keyId = '1234abcd-12ab-34cd-56ef-1234567890ab';
const newKey: GenerateKeyRequest = { account, keyId, keySpec: 1, keyUsage: 1, generation: 0, multiRegion: false };
const encryptionContext = {};
const plaintext = Buffer.from('hello');

test('settings that do not go together are one sentence', () => {
  const env = { KEYSTEAD_TLS_DIR: '/x', KEYSTEAD_ROOT_DIR: '/x', KEYSTEAD_DOMAIN_KEYS: 'device' };
  const device = { KEYSTEAD_PKCS11_MODULE: '/x.so', KEYSTEAD_PKCS11_TOKEN: 'x', KEYSTEAD_PKCS11_PIN_FILE: '/pin' };
  expect(() => readConfig(env)).toThrow('KEYSTEAD_DOMAIN_KEYS=device needs KEYSTEAD_PKCS11_MODULE.');
  expect(() => readConfig({ ...env, ...device, KEYSTEAD_DOMAIN_KEYS: 'cloud' })).toThrow('must be memory or device');
  for (const name of ['KEYSTEAD_PKCS11_TOKEN', 'KEYSTEAD_PKCS11_PIN_FILE'])
    expect(() => readConfig({ ...env, ...device, [name]: '' })).toThrow(`${name} must be set.`);
  expect(() => readConfig({ ...env, ...device, KEYSTEAD_PKCS11_SLOT: '-1' })).toThrow(ConfigError);
  expect(() => readConfig({ ...env, ...device, KEYSTEAD_PKCS11_UNSEAL: 'never' })).toThrow('must be start or manual');
  expect(readConfig({ ...env, ...device, KEYSTEAD_PKCS11_SLOT: '3' })).toMatchObject({
    ...{ unlock: undefined, keysInDevice: true },
    pkcs11: { module: '/x.so', token: 'x', pinFile: '/pin', slot: 3 },
  });
});

describe.skipIf(missing)(`a root of trust in SoftHSM2${missing ? ` (${missing})` : ''}`, () => {
  let token: SoftHsm;
  let hsm: Cluster;
  let kms: Client;
  beforeAll(async () => {
    token = await softHsm();
    hsm = await cluster('none', { ...deviceEnv(token), KEYSTEAD_DOMAIN_KEYS: 'device' });
    kms = await hsm.client(service('kms-service'));
  });
  afterAll(async () => {
    kms[Symbol.dispose]();
    await hsm[Symbol.asyncDispose]();
    await token[Symbol.asyncDispose]();
  });

  const makeKey = async (): Promise<{ token: Uint8Array; account: string; keyId: string }> => ({
    ...{ token: (await kms.stream.request('generateKey', newKey)).token, account, keyId },
  });
  const encrypt = (key: Awaited<ReturnType<typeof makeKey>>): Promise<{ ciphertextBlob: Uint8Array }> =>
    kms.stream.request('encrypt', { key, plaintext, encryptionContext });
  const status = (): Promise<GetStatusResponse> =>
    invoke(kms.admin.getStatus.bind(kms.admin), {}, { timeoutMs: 5_000 });
  const ops = async (path: string): Promise<{ code: number; text: string }> => {
    const response = await fetch(`http://${hsm.running.opsAddress}${path}`);
    return { code: response.status, text: await response.text() };
  };
  const restart = async (env: Record<string, string> = {}): Promise<void> => {
    kms[Symbol.dispose]();
    await hsm.restart(env);
    kms = await hsm.client(service('kms-service'));
  };

  test('is made and opened by the device; keys survive a restart', async () => {
    const key = await makeKey();
    const { ciphertextBlob } = await encrypt(key);
    expect(await status()).toMatchObject({ recipients: ['PKCS11'], activeEpoch: 1, rootGeneration: 1n });
    await restart();
    const answer = await kms.stream.request('decrypt', { key, ciphertextBlob, encryptionContext });
    expect(Buffer.from(answer.plaintext)).toEqual(plaintext);
  });

  test('keys of every kind work, and tokens are rewrapped', async () => {
    const rsa = await kms.stream.request('generateKey', { ...newKey, keySpec: 2, keyUsage: 2 });
    const key = { account, keyId, token: rsa.token };
    const message = { message: plaintext, messageType: 1, signingAlgorithm: 4 } as const;
    const { signature } = await kms.stream.request('sign', { key, ...message });
    await restart();
    const { token: fresh } = await kms.stream.request('rewrap', { key });
    await kms.stream.request('verify', { key: { ...key, token: fresh }, ...message, signature });
  });

  test('away: cached keys go on, others fail within two seconds and can be tried again; back: without a restart', async () => {
    const [cached, other] = [await makeKey(), await makeKey()];
    await encrypt(cached);
    expect(await ops('/readyz')).toMatchObject({ code: 200 });
    await token.unplug();
    const from = performance.now();
    await expect(encrypt(other)).rejects.toMatchObject({ code: 'Unavailable', name: 'KMSInternalException' });
    await expect(makeKey()).rejects.toMatchObject({ code: 'Unavailable' });
    expect(performance.now() - from).toBeLessThan(2_000);
    expect((await encrypt(cached)).ciphertextBlob).toHaveLength(81);
    expect(await ops('/readyz')).toMatchObject({ code: 503 });
    expect((await ops('/metrics')).text).toMatch(/keystead_hsm_device_up{[^}]*} 0/);
    await token.plugIn();
    await vi.waitFor(() => encrypt(other), 5_000);
    expect(await ops('/readyz')).toMatchObject({ code: 200 });
    expect((await ops('/metrics')).text).toMatch(/keystead_hsm_device_up{[^}]*} 1/);
  });

  test('a device that a root needs and has not is one sentence, and the HSM stays sealed', async () => {
    const settings = { KEYSTEAD_ROOT_DIR: join(hsm.folder, 'second'), KEYSTEAD_ROOT_KEY_FILE: join(hsm.folder, 'k') };
    await restart({ ...settings });
    const key = await makeKey();
    await restart({ ...settings, KEYSTEAD_DOMAIN_KEYS: 'memory', KEYSTEAD_PKCS11_MODULE: '' });
    expect(await ops('/readyz')).toMatchObject({ code: 503 });
    await expect(encrypt(key)).rejects.toMatchObject({ code: 'Sealed' });
    await restart({ ...settings });
    expect((await encrypt(key)).ciphertextBlob).toHaveLength(81);
    await restart();
  });

  test('a wrong PIN ends the start with its sentence', async () => {
    const wrong = { KEYSTEAD_PKCS11_PIN_FILE: await token.pinFile('9999') };
    await expect(restart(wrong)).rejects.toThrow(/is not the PIN of token "keystead"/);
    await restart();
  });
});

function deviceEnv({ settings }: SoftHsm): Record<string, string> {
  return {
    KEYSTEAD_PKCS11_MODULE: settings.module,
    KEYSTEAD_PKCS11_TOKEN: settings.token,
    KEYSTEAD_PKCS11_PIN_FILE: settings.pinFile,
  };
}
