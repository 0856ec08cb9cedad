import { exactly, Reader, uint } from './bytes.js';
import { RootError } from './root-error.js';

/** The public part of a recipient that a PKCS#11 device opens: a key that only the device can decrypt. */
export interface DeviceRecipient {
  /** Serial number of the token, for people: a copy of the token may have another. */
  readonly serial: string;
  /** CKA_ID of the AES-256 key in the token. */
  readonly keyId: Buffer;
  /** 12 bytes. */
  readonly iv: Buffer;
  /** 32 bytes and the tag of 16: the key that wraps the root wrapping secret, under the key in the token. */
  readonly sealed: Buffer;
}

const SERIAL_BYTES = 16;
const IV_BYTES = 12;
const SEALED_BYTES = 48;
const CKM_AES_GCM = 0x1087;

/** Bytes before the wrapped secret: serial 16 | u8 length | CKA_ID | u32 mechanism | iv 12 | sealed 48. */
export function encodeDeviceRecipient({ serial, keyId, iv, sealed }: DeviceRecipient): Buffer {
  exactly(iv, IV_BYTES, 'iv');
  exactly(sealed, SEALED_BYTES, 'sealed key');
  if (keyId.length < 1 || keyId.length > 64) throw new RangeError('key id: 1 to 64 bytes wanted');
  const name = Buffer.alloc(SERIAL_BYTES);
  name.write(serial, 'latin1');
  return Buffer.concat([name, uint(keyId.length, 1), keyId, uint(CKM_AES_GCM, 4), iv, sealed]);
}

/** Reads what stands before the wrapped secret. Throws RootError 'unsupported' for anything else. */
export function parseDeviceRecipient(head: Uint8Array): DeviceRecipient {
  try {
    const reader = new Reader(head);
    const serial = reader.take(SERIAL_BYTES).toString('latin1').replace(/\0+$/, '');
    const keyId = reader.take(reader.uint(1));
    const mechanism = reader.uint(4);
    const [iv, sealed] = [reader.take(IV_BYTES), reader.take(SEALED_BYTES)];
    if (mechanism === CKM_AES_GCM && reader.remaining === 0) return { serial, keyId, iv, sealed };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  throw new RootError('unsupported', 'The root file names a device in a way that this version does not know.');
}

/** What is authenticated with the sealed key. The root file's commitment binds it to its domain and generation. */
export const DEVICE_RECIPIENT_AAD = Buffer.from('keystead/v1/seal-p11', 'latin1');
