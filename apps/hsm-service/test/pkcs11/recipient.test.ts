import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  RootCondition,
  type DescribeRootResponse,
  type ExecuteCommandResponse,
  type GenerateKeyRequest,
  type HsmCeremonyServiceClient,
  type PrepareCommandResponse,
  type RootSecret,
} from '@keystead/proto/hsm';
import { invoke, type UnaryMethod } from '@keystead/service';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { unlockByDevice } from '../../src/domain/new-recipient.js';
import { unwrapBy } from '../../src/domain/recipients.js';
import { RootError } from '../../src/domain/root-error.js';
import { openRoot, parseRoot } from '../../src/domain/root-file.js';
import { Pkcs11Device } from '../../src/pkcs11/device.js';
import { rootDevice } from '../../src/pkcs11/recipient.js';
import { cluster, service, type Client, type Cluster } from '../grpc/cluster.js';
import { missing, softHsm, type SoftHsm } from '../softhsm.js';
import { bitFlips } from '../vectors.js';

const operator = 'spiffe://keystead.local/operator/alice';
const device: RootSecret = { secret: { $case: 'device', value: true } };
const keyFile = (bytes: Uint8Array): RootSecret => ({ secret: { $case: 'keyFile', value: Buffer.from(bytes) } });
const coded = (code: string, message = ''): Error =>
  expect.objectContaining({ code, message: expect.stringContaining(message) as string }) as Error;
const newKey: GenerateKeyRequest = {
  ...{ account: '111122223333', keyId: '1234abcd-12ab-34cd-56ef-1234567890ab', keySpec: 1, keyUsage: 1 },
  ...{ generation: 0, multiRegion: false },
};

const call = <A>({ ceremonies }: Client, method: keyof HsmCeremonyServiceClient, request: object): Promise<A> => {
  const bound = ceremonies[method].bind(ceremonies) as unknown as UnaryMethod<object, A>;
  return invoke(bound, request, { timeoutMs: 20_000 });
};

/** Ceremonies and cryptography of one hsm-service. */
class Place {
  readonly hsm: Cluster;
  alice: Client;
  kms: Client;

  private constructor(hsm: Cluster, alice: Client, kms: Client) {
    [this.hsm, this.alice, this.kms] = [hsm, alice, kms];
  }

  static async open(env: Record<string, string>): Promise<Place> {
    const hsm = await cluster('none', env);
    return new Place(hsm, await hsm.client(operator), await hsm.client(service('kms-service')));
  }

  async restart(env: Record<string, string> = {}): Promise<void> {
    this.#disconnect();
    await this.hsm.restart(env);
    this.alice = await this.hsm.client(operator);
    this.kms = await this.hsm.client(service('kms-service'));
  }

  describe(): Promise<DescribeRootResponse> {
    return call(this.alice, 'describeRoot', {});
  }

  async condition(): Promise<RootCondition> {
    return (await this.describe()).condition;
  }

  prepare(command: string, args: Record<string, string> = {}, secret?: RootSecret): Promise<PrepareCommandResponse> {
    return call(this.alice, 'prepareCommand', { command, arguments: args, secret, validSeconds: 0 });
  }

  execute(command: Uint8Array, secret?: RootSecret): Promise<ExecuteCommandResponse> {
    return call(this.alice, 'executeCommand', { command, signatures: [], secret });
  }

  async run(name: string, args: Record<string, string> = {}, secret?: RootSecret): Promise<ExecuteCommandResponse> {
    return this.execute((await this.prepare(name, args, secret)).command, secret);
  }

  unseal(secret: RootSecret): Promise<{ condition: RootCondition }> {
    return call(this.alice, 'unseal', { secret });
  }

  async close(): Promise<void> {
    this.#disconnect();
    await this.hsm[Symbol.asyncDispose]();
  }

  #disconnect(): void {
    this.alice[Symbol.dispose]();
    this.kms[Symbol.dispose]();
  }
}

describe.skipIf(missing)(`a device as one recipient among others${missing ? ` (${missing})` : ''}`, () => {
  const { OPEN, SEALED, UNINITIALIZED } = {
    OPEN: RootCondition.ROOT_CONDITION_OPEN,
    SEALED: RootCondition.ROOT_CONDITION_SEALED,
    UNINITIALIZED: RootCondition.ROOT_CONDITION_UNINITIALIZED,
  };
  let token: SoftHsm;
  let place: Place;
  let env: Record<string, string>;
  beforeEach(async () => {
    token = await softHsm();
    env = {
      KEYSTEAD_PKCS11_MODULE: token.settings.module,
      KEYSTEAD_PKCS11_TOKEN: 'keystead',
      KEYSTEAD_PKCS11_PIN_FILE: token.settings.pinFile,
      KEYSTEAD_ROOT_KEY_FILE: join(token.folder, '..', 'root.key'),
    };
    place = await Place.open(env);
  });
  afterEach(async () => {
    await place.close();
    await token[Symbol.asyncDispose]();
  });
  /** Another machine in place of this one. */
  const elsewhere = async (settings: Record<string, string>): Promise<void> => {
    await place.close();
    place = await Place.open(settings);
  };
  const fileKey = (): Promise<Buffer> => readFile(env['KEYSTEAD_ROOT_KEY_FILE'] as string);

  test('is added to a root that exists, opens it at run time and at the start, and can be taken away again', async () => {
    const { token: kept } = await place.kms.stream.request('generateKey', newKey);
    await place.run('add-recipient', { name: 'vault' }, device);
    const [, added] = (await place.describe()).recipients;
    expect(added).toMatchObject({
      name: 'vault',
      kind: 'PKCS11',
      tokenSerial: expect.stringMatching(/^\w{16}$/) as string,
    });
    await expect(place.run('add-recipient', { name: 'vault' }, device)).rejects.toThrow(coded('AlreadyExists'));
    await place.run('seal');
    expect((await place.unseal(device)).condition).toBe(OPEN);

    await place.run('remove-recipient', { name: 'key-file' });
    // The key file is still configured, and opens nothing: the device does.
    await place.restart();
    expect(await place.condition()).toBe(OPEN);
    await place.restart({ KEYSTEAD_ROOT_KEY_FILE: '' });
    expect(await place.condition()).toBe(OPEN);
    const key = { token: kept, account: newKey.account, keyId: newKey.keyId };
    await place.kms.stream.request('encrypt', { key, plaintext: Buffer.from('x'), encryptionContext: {} });

    const { rootFile } = await place.run('backup');
    const verified = await call(place.alice, 'verifyRootFile', { rootFile, secrets: [device] });
    expect(verified).toMatchObject({ recipient: 'vault', thisDomain: true });

    await place.run('add-recipient', { name: 'file' }, keyFile(await fileKey()));
    await place.run('remove-recipient', { name: 'vault' });
    await place.run('seal');
    await expect(place.unseal(device)).rejects.toThrow(coded('Validation', 'opens by KEYFILE'));
    expect((await place.unseal(keyFile(await fileKey()))).condition).toBe(OPEN);
  });

  test('makes the first root when operators ask for it, and opens it only when they do', async () => {
    const manual = { ...env, KEYSTEAD_ROOT_KEY_FILE: '', KEYSTEAD_PKCS11_UNSEAL: 'manual' };
    await elsewhere(manual);
    expect(await place.condition()).toBe(UNINITIALIZED);
    const recipient = { name: 'vault', secret: device, threshold: 0, count: 0 };
    await call(place.alice, 'initialize', { recipient });
    expect(await place.condition()).toBe(OPEN);
    await place.restart();
    expect(await place.condition()).toBe(SEALED);
    expect((await place.unseal(device)).condition).toBe(OPEN);
  });

  test('a backup opens on an empty machine that reaches the token', async () => {
    await place.run('add-recipient', { name: 'vault' }, device);
    const { token: kept } = await place.kms.stream.request('generateKey', newKey);
    const { rootFile } = await place.run('backup');
    const manual = { ...env, KEYSTEAD_ROOT_KEY_FILE: '', KEYSTEAD_PKCS11_UNSEAL: 'manual' };
    await elsewhere(manual);
    // What `keystead hsm restore` does.
    await mkdir(join(place.hsm.folder, 'root'), { recursive: true });
    await writeFile(join(place.hsm.folder, 'root', 'root-000000000002.kst'), rootFile);
    await place.restart({ KEYSTEAD_PKCS11_UNSEAL: 'start' });
    expect(await place.condition()).toBe(OPEN);
    const key = { token: kept, account: newKey.account, keyId: newKey.keyId };
    await place.kms.stream.request('encrypt', { key, plaintext: Buffer.from('x'), encryptionContext: {} });
  });

  test('of several tokens each opens by its own recipient, and a command for one token adds no other', async () => {
    token.addToken('second', '4321');
    const second = { KEYSTEAD_PKCS11_TOKEN: 'second', KEYSTEAD_PKCS11_PIN_FILE: await token.pinFile('4321') };
    await place.run('add-recipient', { name: 'first' }, device);
    const { command, needed } = await place.prepare('add-recipient', { name: 'wrong' }, device);
    expect([JSON.parse(Buffer.from(command).toString()), needed]).toMatchObject([{ args: { kind: 'PKCS11' } }, []]);
    for (const other of [undefined, keyFile(Buffer.alloc(32, 1))])
      await expect(place.execute(command, other)).rejects.toThrow(coded('Validation', 'not the one'));
    await place.restart(second);
    await expect(place.execute(command, device)).rejects.toThrow(coded('Validation', 'is for the token of serial'));
    await place.run('seal');
    await expect(place.unseal(device)).rejects.toThrow(coded('AccessDenied', 'lacks the key'));
    await place.unseal(keyFile(await fileKey()));
    await place.run('add-recipient', { name: 'second' }, device);
    for (const settings of [second, {}]) {
      await place.restart({ ...settings, KEYSTEAD_ROOT_KEY_FILE: '' });
      expect(await place.condition()).toBe(OPEN);
    }
  });

  test('away: cryptography goes on, the root does not open by it and does by another, and it comes back without a restart', async () => {
    await place.run('add-recipient', { name: 'vault' }, device);
    const encrypt = async (): Promise<void> => {
      const { token: fresh } = await place.kms.stream.request('generateKey', newKey);
      const key = { token: fresh, account: newKey.account, keyId: newKey.keyId };
      await place.kms.stream.request('encrypt', { key, plaintext: Buffer.from('x'), encryptionContext: {} });
    };
    await token.unplug();
    await encrypt();
    await expect(place.run('add-recipient', { name: 'more' }, device)).rejects.toThrow(coded('Unavailable', 'PKCS#11'));
    await place.run('rotate-domain-key');
    await place.run('seal');
    await expect(place.unseal(device)).rejects.toThrow(coded('Unavailable', 'PKCS#11'));
    expect((await place.unseal(keyFile(await fileKey()))).condition).toBe(OPEN);
    await encrypt();
    // The device is one recipient of two: a start without it is a start all the same.
    await place.restart();
    expect(await place.condition()).toBe(OPEN);
    await place.run('seal');
    await token.plugIn();
    await vi.waitFor(async () => expect((await place.unseal(device)).condition).toBe(OPEN), 10_000);
    await encrypt();
  });

  test('every changed bit of the root is refused by the device too, also when the checksum was made to fit', async () => {
    await place.run('add-recipient', { name: 'vault' }, device);
    const folder = join(place.hsm.folder, 'root');
    const newest = (await readdir(folder))
      .filter((name) => name.endsWith('.kst'))
      .sort()
      .at(-1) as string;
    const file = await readFile(join(folder, newest));
    // A process has one device: the library knows no two.
    await place.hsm.running.close();
    const opener = await Pkcs11Device.open(token.settings, { away: () => undefined, here: () => undefined });
    const unlock = unlockByDevice(rootDevice(opener));
    const open = async (bytes: Buffer): Promise<unknown> => {
      const parsed = parseRoot(bytes);
      return openRoot(parsed, (await unwrapBy(unlock, parsed.header.recipients)).rws);
    };
    await open(file);
    const accepted: unknown[] = [];
    for (const changed of bitFlips(file.subarray(0, -32))) {
      const forged = Buffer.concat([changed, createHash('sha256').update(changed).digest()]);
      const outcome = await open(forged).catch((error: unknown) => error);
      if (!(outcome instanceof RootError)) accepted.push(outcome);
    }
    await opener.close();
    await place.restart();
    expect(accepted).toEqual([]);
  }, 60_000);
});
