import { KeysteadError } from '@keystead/errors';
import type { DomainKeys } from './domain-keys.js';
import { find, type Partition } from './partition.js';

/** A partition that is open: its keys, and what works with them. */
interface OpenPartition<Work> {
  readonly name: string;
  readonly keys: DomainKeys;
  readonly work: Work;
  /** Calls at work. */
  inFlight: number;
  /** Of those, what makes key pairs. */
  slow: number;
}

/** Calls at work in one partition; beyond them Throttling, so that one tenant does not take the threads of all. */
const MAX_IN_FLIGHT = 64;
/** One thread makes the key pairs of all, some of which take seconds. */
const MAX_SLOW = 2;

/**
 * The partitions of an open root. Each has domain keys, a cache and engines of its own: there is no call by which a key of
 * one could meet a key of another.
 */
export class PartitionSet<Work> {
  readonly #make: (domain: Buffer) => { keys: DomainKeys; work: Work };
  readonly #wipe: (work: Work) => void;
  readonly #mustBeNewest: () => void;
  #partitions: readonly Partition[] = [];
  readonly #open = new Map<string, OpenPartition<Work>>();

  /** `mustBeNewest` throws while the root may be an older one, whose users may have been removed since. */
  constructor(
    make: (domain: Buffer) => { keys: DomainKeys; work: Work },
    wipe: (work: Work) => void,
    mustBeNewest: () => void,
  ) {
    this.#make = make;
    this.#wipe = wipe;
    this.#mustBeNewest = mustBeNewest;
  }

  /** As the root has them; without keys in them. */
  get all(): readonly Partition[] {
    return this.#partitions;
  }

  /** Works with these from now on. The keys of partitions that are not among them are overwritten. */
  load(partitions: readonly Partition[]): void {
    const names = new Set(partitions.map(({ domain }) => domain.toString('hex')));
    for (const [name, gone] of this.#open) if (!names.has(name)) this.#close(name, gone);
    for (const partition of partitions) {
      const name = partition.domain.toString('hex');
      const open = this.#open.get(name) ?? {
        name: partition.name,
        inFlight: 0,
        slow: 0,
        ...this.#make(partition.domain),
      };
      open.keys.load(Buffer.from(partition.domain), partition.keys);
      this.#open.set(name, open);
    }
    const withoutKey = Buffer.alloc(0);
    this.#partitions = partitions.map((one) => ({
      ...one,
      keys: one.keys.map((key) => ({ ...key, key: withoutKey })),
    }));
  }

  /** Overwrites everything. */
  close(): void {
    for (const [name, open] of this.#open) this.#close(name, open);
    this.#partitions = [];
  }

  /** Does something with all that are open. */
  each(use: (work: Work) => void): void {
    for (const { work } of this.#open.values()) use(work);
  }

  /** Runs a user's call in a partition. Throws AccessDenied for everybody else, Throttling, Unavailable and Conflict as `mustBeNewest`. */
  async use<T>(who: string, name: string, run: (work: Work) => Promise<T>, isSlow = false): Promise<T> {
    const partition = this.#partitions.find((one) => one.name === name);
    // Who is no user learns nothing, not even whether there is such a partition.
    if (!partition?.users.includes(who)) throw refused();
    this.#mustBeNewest();
    const open = this.#open.get(partition.domain.toString('hex'));
    if (!open) throw new KeysteadError('Sealed', 'The HSM is sealed.');
    if (open.inFlight >= MAX_IN_FLIGHT || (isSlow && open.slow >= MAX_SLOW))
      throw new KeysteadError('Throttling', 'Rate exceeded');
    open.inFlight++;
    open.slow += Number(isSlow);
    try {
      return await run(open.work);
    } finally {
      open.inFlight--;
      open.slow -= Number(isSlow);
    }
  }

  /** The partition that an officer manages. Throws AccessDenied for everybody else. */
  managed(who: string, name: string): Partition {
    if (!this.#partitions.some((one) => one.name === name && one.officers.includes(who))) throw refused();
    this.#mustBeNewest();
    return find(this.#partitions, name);
  }

  /** Those that concern somebody. */
  of(who: string): readonly Partition[] {
    return this.#partitions.filter(({ users, officers }) => users.includes(who) || officers.includes(who));
  }

  #close(name: string, open: OpenPartition<Work>): void {
    open.keys.close();
    this.#wipe(open.work);
    this.#open.delete(name);
  }
}

function refused(): KeysteadError {
  return new KeysteadError('AccessDenied', 'You have no such part in a partition of this name.');
}
