import { randomBytes } from 'node:crypto';
import { view } from '../domain/bytes.js';
import { deviceRecipientAad, encodeDeviceRecipient, parseDeviceRecipient } from '../domain/device-recipient.js';
import { RootError } from '../domain/root-error.js';
import type { Pkcs11Device } from './device.js';
import { DeviceError } from './messages.js';

/** The public part of a new recipient and the key of 32 bytes that belongs to it; the caller overwrites the key. */
export interface NewDeviceRecipient {
  readonly head: Buffer;
  readonly kek: Buffer;
}

/** Makes an AES key in the device, and another one here that only the device's can bring back. Throws DeviceError. */
export async function makeDeviceRecipient(device: Pkcs11Device, domain: Uint8Array): Promise<NewDeviceRecipient> {
  const { serial } = await device.name();
  const [keyId, iv, kek] = [randomBytes(16), randomBytes(12), randomBytes(32)];
  await device.call('makeKey', { id: keyId, kind: 'aes' });
  const sealed = view(await device.call('seal', { id: keyId, iv, aad: deviceRecipientAad(domain), text: kek }));
  return { head: encodeDeviceRecipient({ serial, keyId, iv, sealed }), kek };
}

/**
 * The key of a recipient, which the caller overwrites; undefined if the device's key does not open it.
 * Throws RootError if the token is another one, DeviceError if it does not answer.
 */
export async function openDeviceRecipient(
  device: Pkcs11Device,
  head: Uint8Array,
  domain: Uint8Array,
): Promise<Buffer | undefined> {
  const { serial, keyId, iv, sealed } = parseDeviceRecipient(head);
  try {
    return view(await device.call('open', { id: keyId, iv, aad: deviceRecipientAad(domain), text: sealed }));
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    if (error.problem === 'failed') return undefined;
    if (error.problem !== 'missing') throw error;
    throw new RootError('wrong-secret', `${error.message} The root was made with the token of serial ${serial}.`);
  }
}
