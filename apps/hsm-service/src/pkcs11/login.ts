import { readFileSync } from 'node:fs';
import type * as pkcs11js from 'pkcs11js';
import type { PKCS11 } from 'pkcs11js';
import { DeviceError, type Pkcs11Settings } from './messages.js';

/** The module pkcs11js, which is loaded only where a device is configured. */
export type Pkcs11 = typeof pkcs11js;

/** A session with a token that is logged in. */
export interface Session {
  readonly library: PKCS11;
  readonly handle: Buffer;
  readonly slot: Buffer;
  /** 16 characters at most. */
  readonly serial: string;
  readonly label: string;
}

/** Loads the vendor's library. Throws DeviceError with one sentence. */
export function loadLibrary({ PKCS11 }: Pkcs11, { module }: Pkcs11Settings): PKCS11 {
  const library = new PKCS11();
  try {
    library.load(module);
    return library;
  } catch (error) {
    throw new DeviceError('refused', `The PKCS#11 module ${module} cannot be loaded: ${reason(error)}.`);
  }
}

/** Starts the library, finds the token, and logs in. Throws DeviceError with one sentence. */
export function logIn(api: Pkcs11, library: PKCS11, settings: Pkcs11Settings): Session {
  initialize(api, library);
  const { slot, label, serial } = findToken(library, settings);
  const handle = away(() => library.C_OpenSession(slot, api.CKF_SERIAL_SESSION | api.CKF_RW_SESSION));
  try {
    enter(api, library, handle, settings, label);
    return { library, handle, slot, serial, label };
  } catch (error) {
    quietly(() => library.C_CloseSession(handle));
    throw error;
  }
}

/** Ends a session and the library, so that the next login begins from nothing. */
export function logOut({ library, handle }: Session): void {
  quietly(() => library.C_CloseSession(handle));
  quietly(() => library.C_Finalize());
}

function initialize(api: Pkcs11, library: PKCS11): void {
  try {
    library.C_Initialize({ flags: api.CKF_OS_LOCKING_OK });
  } catch (error) {
    if (codeOf(error) === api.CKR_CRYPTOKI_ALREADY_INITIALIZED) return;
    throw new DeviceError('away', `The PKCS#11 module does not start: ${reason(error)}.`);
  }
}

interface Found {
  readonly slot: Buffer;
  readonly label: string;
  readonly serial: string;
}

function findToken(library: PKCS11, { token, slot }: Pkcs11Settings): Found {
  const there = away(() => library.C_GetSlotList(true)).flatMap((handle) => describe(library, handle));
  const inSlot = slot === undefined ? there : there.filter((found) => numberOf(found.slot) === slot);
  const [found, second] = inSlot.filter(({ label, serial }) => label === token || serial === token);
  if (!found) throw notFound(token, slot, there);
  if (!second) return found;
  throw new DeviceError('refused', `Several PKCS#11 tokens are named "${token}": give the serial number or the slot.`);
}

/** A token can vanish between the list of slots and the question for its name. */
function describe(library: PKCS11, slot: Buffer): Found[] {
  try {
    const { label, serialNumber } = library.C_GetTokenInfo(slot);
    return [{ slot, label: label.trim(), serial: serialNumber.trim() }];
  } catch {
    return [];
  }
}

/** Away, not refused: a device that was unplugged is not in the list either. */
function notFound(token: string, slot: number | undefined, there: readonly Found[]): DeviceError {
  const where = slot === undefined ? '' : ` in slot ${slot}`;
  const has = there
    .filter(({ label }) => label !== '')
    .map(({ label, serial, slot: at }) => `"${label}" (serial ${serial}, slot ${numberOf(at)})`)
    .join(', ');
  return new DeviceError('away', `There is no PKCS#11 token "${token}"${where}; the module has ${has || 'none'}.`);
}

function enter(api: Pkcs11, library: PKCS11, handle: Buffer, { pinFile }: Pkcs11Settings, label: string): void {
  const pin = readPin(pinFile);
  try {
    library.C_Login(handle, api.CKU_USER, pin.toString('utf8'));
  } catch (error) {
    // Logins are the process's: another session of ours may have been first.
    if (codeOf(error) !== api.CKR_USER_ALREADY_LOGGED_IN) throw loginProblem(api, error, `token "${label}"`, pinFile);
  } finally {
    pin.fill(0);
  }
}

function loginProblem(api: Pkcs11, error: unknown, token: string, pinFile: string): DeviceError {
  switch (codeOf(error)) {
    case api.CKR_PIN_INCORRECT:
    case api.CKR_PIN_INVALID:
    case api.CKR_PIN_LEN_RANGE: {
      // Devices lock after a few wrong PINs.
      const what = `The PIN in ${pinFile} is not the PIN of ${token}; it is not tried again until the next start.`;
      return new DeviceError('refused', what);
    }
    case api.CKR_PIN_LOCKED:
      return new DeviceError('refused', `The PIN of ${token} is locked: its security officer has to set it anew.`);
    case api.CKR_USER_PIN_NOT_INITIALIZED:
      return new DeviceError('refused', `The user PIN of ${token} was never set.`);
    default:
      return new DeviceError('away', `Login to ${token} failed: ${reason(error)}.`);
  }
}

/** The bytes of the file without the end of its line. */
function readPin(path: string): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new DeviceError('refused', `The PIN file ${path} cannot be read: ${reason(error)}.`);
  }
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end--;
  if (end === 0) throw new DeviceError('refused', `The PIN file ${path} is empty.`);
  return bytes.subarray(0, end);
}

function away<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw new DeviceError('away', `The PKCS#11 device does not answer: ${reason(error)}.`);
  }
}

function quietly(call: () => void): void {
  try {
    call();
  } catch {
    // What was to end has ended.
  }
}

function numberOf(slot: Buffer): number {
  return Number(slot.readBigUInt64LE());
}

/** The CKR_ number of a failure; undefined for what is no failure of the device. */
export function codeOf(error: unknown): number | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' ? error.code : undefined;
}

/** The name of the failure in the standard, such as CKR_DEVICE_REMOVED. */
export function reason(error: unknown): string {
  return error instanceof Error ? error.message.replace(/\.$/, '') : 'unknown';
}
