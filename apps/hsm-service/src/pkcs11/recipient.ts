import { randomBytes } from 'node:crypto';
import { KeysteadError } from '@keystead/errors';
import { view } from '../domain/bytes.js';
import { DEVICE_RECIPIENT_AAD, encodeDeviceRecipient, parseDeviceRecipient } from '../domain/device-recipient.js';
import type { RootDevice } from '../domain/new-recipient.js';
import { deviceRecipient, type NewRecipient } from '../domain/recipients.js';
import { RootError } from '../domain/root-error.js';
import type { Pkcs11Device } from './device.js';
import { DeviceError } from './messages.js';

/**
 * A recipient for a device: an AES key that never leaves it, and one made here that only the device can bring back;
 * the caller overwrites this one. Throws DeviceError.
 */
export async function makeDeviceRecipient(device: Pkcs11Device): Promise<NewRecipient> {
  const { serial } = await device.name();
  const [keyId, iv, kek] = [randomBytes(16), randomBytes(12), randomBytes(32)];
  await device.call('makeKey', { id: keyId, kind: 'aes' });
  const sealed = view(await device.call('seal', { id: keyId, iv, aad: DEVICE_RECIPIENT_AAD, text: kek }));
  return deviceRecipient(encodeDeviceRecipient({ serial, keyId, iv, sealed }), kek);
}

/**
 * The key of a recipient, which the caller overwrites; undefined if the device's key does not open it.
 * Throws RootError if the token is another one, DeviceError if it does not answer.
 */
export async function openDeviceRecipient(device: Pkcs11Device, head: Uint8Array): Promise<Buffer | undefined> {
  const { serial, keyId, iv, sealed } = parseDeviceRecipient(head);
  try {
    return view(await device.call('open', { id: keyId, iv, aad: DEVICE_RECIPIENT_AAD, text: sealed }));
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    if (error.problem === 'failed') return undefined;
    if (error.problem !== 'missing') throw error;
    throw new RootError('wrong-secret', `${error.message} The root was made with the token of serial ${serial}.`);
  }
}

/** A device for ceremonies, whose operators read what is wrong with it. */
export function rootDevice(device: Pkcs11Device): RootDevice {
  return {
    name: () => told(device.name()),
    newRecipient: () => told(makeDeviceRecipient(device)),
    keyOf: (head) => told(openDeviceRecipient(device, head)),
  };
}

async function told<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof DeviceError ? new KeysteadError('Unavailable', error.message, { cause: error }) : error;
  }
}
