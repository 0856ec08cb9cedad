import { Reader, u64, uint } from './bytes.js';
import type { DomainKey } from './domain-keys.js';
import { RootError } from './root-error.js';

/** What the root file protects. */
export interface RootState {
  readonly domainKeys: readonly DomainKey[];
}

// Record types of the sealed part: a domain key itself, or the name of one that lies in a device. 3 to 7 are reserved
// for the audit key, the CloudTrail key, operators, rules and pinned services. A type that is not known is refused:
// to drop it silently at the next write would lose a key.
const DOMAIN_KEY = 1;
const DEVICE_KEY = 2;
const DEVICE_ID_BYTES = 16;
const STATES = ['', 'ACTIVE', 'DECRYPT', 'DESTROYED'] as const;

/** Records u16 type | u32 length | value, in ascending order of the epoch. The caller overwrites the result. */
export function encodeState(state: RootState): Buffer {
  return Buffer.concat(
    state.domainKeys.map((dk) => {
      const head = [uint(dk.epoch, 4), uint(STATES.indexOf(dk.state), 1), u64(dk.createdMs)];
      const [type, what] = dk.deviceId ? [DEVICE_KEY, dk.deviceId] : [DOMAIN_KEY, dk.key];
      return Buffer.concat([uint(type, 2), uint(13 + what.length, 4), ...head, what]);
    }),
  );
}

/** Throws RootError 'unsupported' for a record of a type that this version does not know. */
export function decodeState(bytes: Buffer): RootState {
  const reader = new Reader(bytes);
  const domainKeys: DomainKey[] = [];
  while (reader.remaining > 0) {
    const type = reader.uint(2);
    if (type !== DOMAIN_KEY && type !== DEVICE_KEY)
      throw new RootError('unsupported', `The root file holds a record of unknown type ${type}.`);
    domainKeys.push(readDomainKey(type, reader.take(reader.uint(4)), domainKeys.at(-1)?.epoch ?? 0));
  }
  return { domainKeys };
}

function readDomainKey(type: number, value: Buffer, lastEpoch: number): DomainKey {
  const reader = new Reader(value);
  const epoch = reader.uint(4);
  const state = STATES[reader.uint(1)];
  const createdMs = reader.u64();
  const wanted = state === 'DESTROYED' ? 0 : type === DEVICE_KEY ? DEVICE_ID_BYTES : 32;
  if (!state || epoch <= lastEpoch || reader.remaining !== wanted) {
    throw new RootError('tampered', 'The root file holds a domain key that this version would not have written.');
  }
  // A copy, so that the decrypted file can be overwritten.
  const bytes = Buffer.from(reader.take(wanted));
  const head = { epoch, state, createdMs };
  return type === DEVICE_KEY && wanted > 0
    ? { ...head, key: Buffer.alloc(0), deviceId: bytes }
    : { ...head, key: bytes };
}
