/** Where a device is and how to log in. The PIN itself is in none of these. */
export interface Pkcs11Settings {
  /** Path of the vendor's library, a shared object. */
  readonly module: string;
  /** Label or serial number of the token. */
  readonly token: string;
  /** Number of the slot, only where the label and serial number do not tell tokens apart. */
  readonly slot: number | undefined;
  /** File with the user PIN; read at each login and not kept. */
  readonly pinFile: string;
}

/** A key of the device made for this HSM: HMAC-SHA256, or AES-256 for GCM. */
export type DeviceKeyKind = 'hmac' | 'aes';

/** What the thread of a device can be asked. Ids are CKA_ID of 16 bytes. */
export interface DeviceCalls {
  /** Logs in if need be, and sees whether the token is there. */
  ping: { args: object; result: { serial: string; label: string } };
  makeKey: { args: { id: Uint8Array; kind: DeviceKeyKind }; result: undefined };
  destroyKey: { args: { id: Uint8Array; kind: DeviceKeyKind }; result: undefined };
  hmac: { args: { id: Uint8Array; input: Uint8Array }; result: Uint8Array };
  /** AES-256-GCM with a tag of 16 bytes at the end. */
  seal: { args: Sealing; result: Uint8Array };
  open: { args: Sealing; result: Uint8Array };
}

interface Sealing {
  readonly id: Uint8Array;
  readonly iv: Uint8Array;
  readonly aad: Uint8Array;
  readonly text: Uint8Array;
}

export type DeviceCall = keyof DeviceCalls;

/** A call on its way to the thread. */
export interface DeviceOrder {
  readonly id: number;
  readonly name: DeviceCall;
  readonly args: DeviceCalls[DeviceCall]['args'];
}

/**
 * Why a call failed:
 * - away: the device or its library does not answer; it is asked again later
 * - refused: only an operator can mend it (PIN, token, slot, module); it is not asked again
 * - missing: the token is there, the key is not
 * - failed: the token is there and refuses this very call
 */
export type DeviceProblem = 'away' | 'refused' | 'missing' | 'failed';

export type DeviceAnswer =
  | { readonly id: number; readonly result: DeviceCalls[DeviceCall]['result'] }
  | { readonly id: number; readonly problem: DeviceProblem; readonly message: string };

/** A failure with one sentence for the operator. */
export class DeviceError extends Error {
  override readonly name = 'DeviceError';
  readonly problem: DeviceProblem;

  constructor(problem: DeviceProblem, message: string) {
    super(message);
    this.problem = problem;
  }
}
