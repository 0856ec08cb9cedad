import { zero } from './bytes.js';
import type { DomainKey } from './domain-keys.js';
import { rewrapFor, wrapFor, type NewRecipient, type Recipient } from './recipients.js';
import { RootError } from './root-error.js';
import type { RootHeader } from './root-file.js';
import type { RecipientRecord, RootState } from './root-state.js';

/** A recipient with what is kept of it. */
export interface Slot {
  readonly recipient: Recipient;
  readonly record: RecipientRecord;
}

/** What the next generation shall hold. `slots` left as they are keep the root wrapping secret. */
export interface Draft {
  readonly state: RootState;
  readonly slots: readonly Slot[];
}

/** The recipients of a root with their records; `found` is what opened a file that has no records yet. */
export function slotsOf(
  { recipients, writtenMs }: RootHeader,
  { recipients: records }: RootState,
  found?: { readonly index: number; readonly kek: Buffer },
): Slot[] {
  if (records.length > 0 && records.length !== recipients.length)
    throw new RootError('tampered', 'The root file holds records of other recipients than its own.');
  return recipients.map((recipient, index) => {
    const kek = found?.index === index ? found.kek : Buffer.alloc(0);
    const name = `${recipient.kind.toLowerCase()}-${index + 1}`;
    return { recipient, record: records[index] ?? { name, createdMs: writtenMs, kek } };
  });
}

/** A recipient to be added. */
export function newSlot(name: string, recipient: NewRecipient, createdMs: bigint): Slot {
  // The secret that it will wrap is made when the generation is written.
  const placeholder = wrapFor(recipient, Buffer.alloc(32));
  return { recipient: placeholder, record: { name, createdMs, kek: Buffer.from(recipient.kek) } };
}

/** The recipient of a slot for this root wrapping secret. Throws RootError 'unsupported' without its key. */
export function rewrapped({ recipient, record }: Slot, rws: Uint8Array): Recipient {
  if (record.kek.length === 32) return rewrapFor(recipient, record.kek, rws);
  throw new RootError('unsupported', `Recipient ${record.name} cannot be wrapped again by this version.`);
}

/** Takes the domain keys out of a state and overwrites the rest. */
export function adopt({ domainKeys, recipients }: RootState): readonly DomainKey[] {
  zero(...recipients.map(({ kek }) => kek));
  return domainKeys;
}

/** The domain keys of all partitions. */
export function partitionKeys({ partitions = [] }: RootState): Buffer[] {
  return partitions.flatMap(({ keys }) => keys.map(({ key }) => key));
}

/** Overwrites all keys of a state. */
export function wipeState(state: RootState): void {
  const { domainKeys, recipients, transferIdentity } = state;
  zero(...domainKeys.map(({ key }) => key), ...recipients.map(({ kek }) => kek), ...partitionKeys(state));
  if (transferIdentity) zero(transferIdentity.secret);
}
