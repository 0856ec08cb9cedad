import { randomBytes } from 'node:crypto';
import { KeysteadError } from '@keystead/errors';
import { Approvals } from './approvals.js';
import type { CeremonyNote, Root } from './ceremonies.js';
import { makeDomainKey } from './domain-keys.js';
import {
  changed,
  isPartitionName,
  withChanged,
  withoutPartition,
  withPartition,
  type Partition,
  type PartitionChange,
} from './partition.js';
import type { PartitionSet } from './partition-set.js';
import type { PARTITION_COMMANDS, RootCommand } from './root-commands.js';

/** What managing partitions works with. */
export interface PartitionParts {
  readonly root: Root;
  readonly set: Pick<PartitionSet<unknown>, 'managed' | 'of'>;
  readonly writer: boolean;
  readonly now: () => Date;
  readonly note: (ceremony: CeremonyNote) => Promise<void>;
}

/** Who asks for a change of a partition. */
export interface Officer {
  /** SPIFFE id. */
  readonly name: string;
  readonly sourceIp: string;
}

/** How far a change is. */
export interface Progress {
  readonly done: boolean;
  readonly approvals: number;
  readonly needed: number;
}

/** What officers do with their partition. Every change that is made or refused is noted, as ceremonies are. */
export class Partitions {
  readonly #parts: PartitionParts;
  readonly #approvals = new Approvals();

  constructor(parts: PartitionParts) {
    this.#parts = parts;
  }

  /** Makes a change as soon as enough officers have asked for it. Throws AccessDenied, Conflict, and as `changed`. */
  async change(officer: Officer, name: string, change: PartitionChange): Promise<Progress> {
    const { root, note, set } = this.#parts;
    if (!isPartitionName(name)) throw new KeysteadError('Validation', 'partition: not a name of a partition.');
    const { kind, ...about } = change;
    const parameters = { partition: name, ...textOf(about) };
    const noted = { operator: officer.name, sourceIp: officer.sourceIp, signers: [], event: EVENTS[kind], parameters };
    try {
      const progress = await this.#ask(officer.name, name, change);
      const approvals = `${progress.approvals} of ${progress.needed}`;
      await note({ ...noted, parameters: { ...parameters, approvals }, file: root.file });
      return progress;
    } catch (error) {
      // Strangers are refused and not noted: whoever merely has a certificate must not fill the journal.
      const known = set.of(officer.name).length > 0;
      if (known && error instanceof KeysteadError && error.code !== 'Validation')
        await note({ ...noted, error, file: root.file });
      throw error;
    }
  }

  async #ask(who: string, name: string, change: PartitionChange): Promise<Progress> {
    const { set, writer, now, root } = this.#parts;
    const { officers, quorum: needed } = set.managed(who, name);
    if (!writer) throw new KeysteadError('Conflict', 'This replica makes no generations of the root: ask the writer.');
    const wanted = JSON.stringify(change);
    this.#approvals.ask(name, wanted, who, now());
    const approvals = this.#approvals.count(name, wanted, officers, now());
    if (approvals < needed) return { done: false, approvals, needed };
    this.#approvals.clear(name);
    await root.change(async (draft) => {
      const before = draft.state.partitions ?? [];
      const epoch = (before.find((one) => one.name === name)?.keys.at(-1)?.epoch ?? 0) + 1;
      const next = change.kind === 'rotate-domain-key' ? await makeDomainKey(epoch, msOf(now())) : undefined;
      const partitions = withChanged(before, name, (partition) => changed(partition, change, next));
      return { ...draft, state: { ...draft.state, partitions } };
    });
    return { done: true, approvals, needed };
  }
}

const EVENTS: Readonly<Record<PartitionChange['kind'], string>> = {
  'add-user': 'AddPartitionUser',
  'remove-user': 'RemovePartitionUser',
  'add-officer': 'AddPartitionOfficer',
  'remove-officer': 'RemovePartitionOfficer',
  'set-quorum': 'SetPartitionQuorum',
  'rotate-domain-key': 'RotatePartitionKey',
};

/** Commands by which operators make partitions and make an end of them. `isName` tells names of this trust domain. */
export function partitionCommands(
  writer: boolean,
  isName: (spiffe: string) => boolean,
): Readonly<Record<(typeof PARTITION_COMMANDS)[number], RootCommand>> {
  return {
    'create-partition': {
      ...{ event: 'CreatePartition', given: ['name', 'officer'] },
      edit: async ({ state, slots }, { args, now }) => {
        mustWrite(writer);
        const { name = '', officer = '' } = args;
        if (!isName(officer))
          throw new KeysteadError('Validation', 'officer: a SPIFFE id of this trust domain wanted.');
        const made: Partition = {
          ...{ name, domain: randomBytes(16), createdMs: msOf(now), quorum: 1, officers: [officer], users: [] },
          keys: [await makeDomainKey(1, msOf(now))],
        };
        const partitions = withPartition(state.partitions ?? [], made);
        return {
          draft: { slots, state: { ...state, partitions } },
          outcome: { details: { domain: made.domain.toString('hex') } },
        };
      },
    },
    'zeroize-partition': {
      ...{ event: 'ZeroizePartition', given: ['name'] },
      edit: ({ state, slots }, { args: { name = '' } }) => {
        mustWrite(writer);
        const partitions = withoutPartition(state.partitions ?? [], name);
        return { draft: { slots, state: { ...state, partitions } } };
      },
    },
  };
}

function mustWrite(writer: boolean): void {
  if (!writer) throw new KeysteadError('Conflict', 'This replica makes no generations of the root: ask the writer.');
}

function textOf(about: object): Record<string, string> {
  return Object.fromEntries(Object.entries(about).map(([name, value]) => [name, String(value)]));
}

const msOf = (now: Date): bigint => BigInt(now.getTime());
