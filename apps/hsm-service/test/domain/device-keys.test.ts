import { createHmac, randomBytes } from 'node:crypto';
import { KeysteadError } from '@keystead/errors';
import type { GenerateKeyRequest } from '@keystead/proto/hsm';
import { describe, expect, test } from 'vitest';
import { DomainKeys, makeDomainKey, type DomainKey, type KeyDevice } from '../../src/domain/domain-keys.js';
import { account, domain, keyId, testHsm } from './hsm.js';

/** Keys that stay in a closure: what a device does, without one. */
function memoryDevice(known: [string, Buffer][] = []): KeyDevice & { away: boolean; calls: number } {
  const keys = new Map(known);
  const device = {
    ...{ away: false, calls: 0 },
    make: async (id: Buffer) => void keys.set(id.toString('hex'), randomBytes(32)),
    destroy: async (id: Buffer) => void keys.delete(id.toString('hex')),
    hmac: async (id: Buffer, input: Uint8Array) => {
      device.calls++;
      await Promise.resolve();
      if (device.away) throw new KeysteadError('Unavailable', 'away');
      return createHmac('sha256', keys.get(id.toString('hex')) as Buffer)
        .update(input)
        .digest();
    },
  };
  return device;
}

const id = Buffer.alloc(16, 5);
const secret = Buffer.alloc(32, 3);
const inDevice: DomainKey = { epoch: 3, state: 'ACTIVE', createdMs: 0n, key: Buffer.alloc(0), deviceId: id };
const newKey: GenerateKeyRequest = { account, keyId, keySpec: 1, keyUsage: 1, generation: 0, multiRegion: false };
const coded = (code: string): Error => expect.objectContaining({ code }) as Error;
const plaintext = Buffer.from('hello');
const encryptionContext = {};

describe('a domain key in a device', () => {
  test('makes and opens the very tokens that the same key makes in memory', async () => {
    const soft = testHsm(new DomainKeys(domain, [{ epoch: 3, state: 'ACTIVE', createdMs: 0n, key: secret }]));
    const hard = testHsm(new DomainKeys(domain, [inDevice], memoryDevice([[id.toString('hex'), secret]])));
    for (const [from, to] of [
      [soft, hard],
      [hard, soft],
    ] as const) {
      const { token } = await from.wire.generateKey(newKey);
      const key = { account, keyId, token };
      const { ciphertextBlob } = await from.wire.encrypt({ key, plaintext, encryptionContext });
      const answer = await to.wire.decrypt({ key, ciphertextBlob, encryptionContext });
      expect(Buffer.from(answer.plaintext)).toEqual(plaintext);
    }
  });

  test('opens a token once for many calls, and rewraps old tokens', async () => {
    const device = memoryDevice();
    const old: DomainKey = { epoch: 3, state: 'DECRYPT', createdMs: 0n, key: secret };
    const { token } = await testHsm().wire.generateKey(newKey);
    const hsm = testHsm(new DomainKeys(domain, [old, await makeDomainKey(4, 0n, device)], device));
    const fresh = await hsm.wire.rewrap({ key: { account, keyId, token } });
    const key = { account, keyId, token: fresh.token };
    device.calls = 0;
    await Promise.all(Array.from({ length: 50 }, async () => hsm.wire.encrypt({ key, plaintext, encryptionContext })));
    expect(device.calls).toBe(1);
  });

  test('while it is away: what is cached goes on, the rest is Unavailable, and nothing is sealed', async () => {
    const device = memoryDevice([[id.toString('hex'), secret]]);
    const keys = new DomainKeys(domain, [inDevice], device);
    const [hsm, cold] = [testHsm(keys), testHsm(keys)];
    const { token } = await hsm.wire.generateKey(newKey);
    const key = { account, keyId, token };
    await hsm.wire.encrypt({ key, plaintext, encryptionContext });
    device.away = true;
    expect((await hsm.wire.encrypt({ key, plaintext, encryptionContext })).ciphertextBlob).toHaveLength(81);
    const call = async (): Promise<unknown> => cold.wire.encrypt({ key, plaintext, encryptionContext });
    await expect(call()).rejects.toThrow(coded('Unavailable'));
    await expect(hsm.wire.generateKey(newKey)).rejects.toThrow(coded('Unavailable'));
    device.away = false;
    await expect(call()).resolves.toBeDefined();
  });

  test('a ring that is closed meanwhile gives nothing out', async () => {
    const keys = new DomainKeys(domain, [inDevice], memoryDevice([[id.toString('hex'), secret]]));
    const { wire } = testHsm(keys);
    const { token } = await wire.generateKey(newKey);
    const running = wire.encrypt({ key: { account, keyId, token }, plaintext, encryptionContext });
    keys.close();
    await expect(running).rejects.toThrow(coded('Sealed'));
  });

  test('is refused where there is no device', () => {
    expect(() => new DomainKeys(domain, [inDevice])).toThrow('some need a device');
  });
});
