import { Reader, u64, uint } from './bytes.js';
import type { DomainKey } from './domain-keys.js';
import { RootError } from './root-error.js';

/** What the root file protects. */
export interface RootState {
  readonly domainKeys: readonly DomainKey[];
}

// Record types of the sealed part. 2 to 7 are reserved for domain keys in a device, the audit key, the CloudTrail
// key, operators, rules and pinned services. A type that is not known is refused: to drop it silently at the next
// write would lose a key.
const DOMAIN_KEY = 1;
const STATES = ['', 'ACTIVE', 'DECRYPT', 'DESTROYED'] as const;

/** Records u16 type | u32 length | value, in ascending order of type and epoch. The caller overwrites the result. */
export function encodeState(state: RootState): Buffer {
  return Buffer.concat(
    state.domainKeys.map((dk) => {
      const head = [uint(dk.epoch, 4), uint(STATES.indexOf(dk.state), 1), u64(dk.createdMs)];
      return Buffer.concat([uint(DOMAIN_KEY, 2), uint(13 + dk.key.length, 4), ...head, dk.key]);
    }),
  );
}

/** Throws RootError 'unsupported' for a record of a type that this version does not know. */
export function decodeState(bytes: Buffer): RootState {
  const reader = new Reader(bytes);
  const domainKeys: DomainKey[] = [];
  while (reader.remaining > 0) {
    const type = reader.uint(2);
    if (type !== DOMAIN_KEY)
      throw new RootError('unsupported', `The root file holds a record of unknown type ${type}.`);
    domainKeys.push(readDomainKey(reader.take(reader.uint(4)), domainKeys.at(-1)?.epoch ?? 0));
  }
  return { domainKeys };
}

function readDomainKey(value: Buffer, lastEpoch: number): DomainKey {
  const reader = new Reader(value);
  const epoch = reader.uint(4);
  const state = STATES[reader.uint(1)];
  const createdMs = reader.u64();
  const wanted = state === 'DESTROYED' ? 0 : 32;
  if (!state || epoch <= lastEpoch || reader.remaining !== wanted) {
    throw new RootError('tampered', 'The root file holds a domain key that this version would not have written.');
  }
  // A copy, so that the decrypted file can be overwritten.
  return { epoch, state, createdMs, key: Buffer.from(reader.take(wanted)) };
}
