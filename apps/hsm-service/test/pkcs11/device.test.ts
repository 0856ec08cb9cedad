import { createHmac, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { encodeDeviceRecipient, parseDeviceRecipient } from '../../src/domain/device-recipient.js';
import { Pkcs11Device } from '../../src/pkcs11/device.js';
import type { Pkcs11Settings } from '../../src/pkcs11/messages.js';
import { makeDeviceRecipient, openDeviceRecipient } from '../../src/pkcs11/recipient.js';
import { missing, softHsm, type SoftHsm } from '../softhsm.js';

const quiet = { away: () => undefined, here: () => undefined };

test('the head of a recipient is read as it was written, and nothing else is', () => {
  const recipient = { serial: '2da643c1d5228823', keyId: Buffer.alloc(16, 1), iv: Buffer.alloc(12, 2), sealed: Buffer.alloc(48, 3) }; // prettier-ignore
  const head = encodeDeviceRecipient(recipient);
  expect(parseDeviceRecipient(head)).toEqual(recipient);
  const other = Buffer.from(head);
  other[36] = 0x88; // the mechanism
  for (const bytes of [other, head.subarray(1), Buffer.concat([head, Buffer.alloc(1)]), Buffer.alloc(0)])
    expect(() => parseDeviceRecipient(bytes)).toThrow('in a way that this version does not know');
});

describe.skipIf(missing)(`SoftHSM2${missing ? ` (${missing})` : ''}`, () => {
  let hsm: SoftHsm;
  let device: Pkcs11Device;
  beforeAll(async () => {
    hsm = await softHsm();
    hsm.addToken('other', '4321');
    device = await Pkcs11Device.open(hsm.settings, quiet);
  });
  afterAll(async () => {
    await device.close();
    await hsm[Symbol.asyncDispose]();
  });

  test('a domain key computes HMAC-SHA256, the same each time, and keys differ', async () => {
    const [a, b] = [randomBytes(16), randomBytes(16)];
    await device.make(a);
    await device.make(b);
    const input = randomBytes(60);
    const mac = await device.hmac(a, input);
    expect(mac).toHaveLength(32);
    expect(await device.hmac(a, input)).toEqual(mac);
    expect(await device.hmac(b, input)).not.toEqual(mac);
    expect(mac).not.toEqual(createHmac('sha256', Buffer.alloc(32)).update(input).digest());
    await device.destroy(a);
    await expect(device.hmac(a, input)).rejects.toMatchObject({ code: 'Unavailable' });
    await device.destroy(a);
  });

  test('calls at once are all answered rightly', async () => {
    const id = randomBytes(16);
    await device.make(id);
    const inputs = Array.from({ length: 200 }, (_, i) => Buffer.from(`input ${i % 7}`));
    const macs = await Promise.all(inputs.map((input) => device.hmac(id, input)));
    expect(new Set(macs.map((mac) => mac.toString('hex'))).size).toBe(7);
    for (const [i, mac] of macs.entries()) expect(mac).toEqual(macs[i % 7]);
  });

  test('a recipient is opened by its token, and as it was made only', async () => {
    const { head, kek } = await makeDeviceRecipient(device);
    expect(await openDeviceRecipient(device, head)).toEqual(kek);
    for (const at of [head.length - 1, head.length - 20, head.length - 50]) {
      const changed = Buffer.from(head);
      changed[at] = (changed[at] as number) ^ 1;
      expect(await openDeviceRecipient(device, changed)).toBeUndefined();
    }
    const { serial } = await device.name();
    await withDevice(hsm.with({ token: 'other', pinFile: await hsm.pinFile('4321') }), async (other) => {
      const attempt = openDeviceRecipient(other, head);
      await expect(attempt).rejects.toThrow(/^Token "other" \(serial \w+\) lacks the key\./);
      await expect(attempt).rejects.toThrow(`The root was made with the token of serial ${serial}.`);
    });
  });

  test('a device that is unplugged refuses at once, and serves again when it is back', async () => {
    const id = randomBytes(16);
    await device.make(id);
    const mac = await device.hmac(id, id);
    await hsm.unplug();
    for (const limit of [2_000, 100]) {
      const from = performance.now();
      await expect(device.hmac(id, id)).rejects.toMatchObject({ code: 'Unavailable' });
      expect(performance.now() - from).toBeLessThan(limit);
      expect(device.isHere).toBe(false);
    }
    await new Promise((later) => setTimeout(later, 1_200)); // the looks in between find nothing
    expect(device.isHere).toBe(false);
    await hsm.plugIn();
    await vi.waitFor(async () => expect(await device.hmac(id, id)).toEqual(mac), 5_000);
    expect(device.isHere).toBe(true);
  });

  test('that it is away is noticed by itself', async () => {
    const seen: string[] = [];
    const events = { away: (why: string) => seen.push(why), here: () => seen.push('here') };
    const watched = await Pkcs11Device.open(hsm.settings, events);
    await hsm.unplug();
    await vi.waitFor(() => expect(seen).toHaveLength(1), 10_000);
    await hsm.plugIn();
    await vi.waitFor(() => expect(seen.at(-1)).toBe('here'), 5_000);
    await watched.close();
  });
});

// Alone: who is logged in is a matter of the whole process, where another session would hide a wrong PIN.
describe.skipIf(missing)('what is wrong with the settings is one sentence', () => {
  let hsm: SoftHsm;
  beforeAll(async () => {
    hsm = await softHsm();
  });
  afterAll(() => hsm[Symbol.asyncDispose]());

  test.each<[string, (hsm: SoftHsm) => Promise<Partial<Pkcs11Settings>>, RegExp]>([
    [
      'a wrong PIN',
      async (at) => ({ pinFile: await at.pinFile('9999') }),
      /^The PIN in .* is not the PIN of token "keystead"; it is not tried again/,
    ],
    ['no PIN file', async () => ({ pinFile: '/nowhere/pin' }), /^The PIN file \/nowhere\/pin cannot be read: ENOENT/],
    ['an empty PIN file', async (at) => ({ pinFile: await at.pinFile('') }), /is empty\.$/],
    [
      'an unknown token',
      async () => ({ token: 'nobody' }),
      /^There is no PKCS#11 token "nobody"; the module has .*"keystead" \(serial \w+, slot \d+\)/,
    ],
    ['another slot', async () => ({ slot: 7 }), /^There is no PKCS#11 token "keystead" in slot 7; the module has /],
    [
      'no module',
      async () => ({ module: '/nowhere/lib.so' }),
      /^The PKCS#11 module \/nowhere\/lib\.so cannot be loaded: /,
    ],
    [
      'no PKCS#11 module',
      async () => ({ module: '/usr/bin/softhsm2-util' }),
      /^The PKCS#11 module .* cannot be loaded: /,
    ],
  ])('%s', async (_, change, sentence) => {
    // prettier-ignore
    const opened = withDevice(hsm.with(await change(hsm)), async () => undefined);
    await expect(opened).rejects.toThrow(sentence);
    await expect(opened).rejects.toHaveProperty('name', 'DeviceError');
  });
});

async function withDevice(settings: Pkcs11Settings, use: (device: Pkcs11Device) => Promise<void>): Promise<void> {
  const device = await Pkcs11Device.open(settings, quiet);
  await use(device).finally(() => device.close());
}
