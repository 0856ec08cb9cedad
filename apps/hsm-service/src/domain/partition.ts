import { KeysteadError } from '@keystead/errors';
import { Reader, u64, uint } from './bytes.js';
import type { DomainKey } from './domain-keys.js';

/** An isolated key space with a domain of its own. */
export interface Partition {
  /** 1 to 64 of a-z, 0-9, dot, dash and underscore; unique. */
  readonly name: string;
  /** 16 bytes that name its domain. */
  readonly domain: Buffer;
  /** Milliseconds since 1970 UTC. */
  readonly createdMs: bigint;
  /** How many officers must ask for the same change. */
  readonly quorum: number;
  /** SPIFFE ids. */
  readonly officers: readonly string[];
  /** SPIFFE ids. */
  readonly users: readonly string[];
  /** By epoch; the last one is ACTIVE. */
  readonly keys: readonly DomainKey[];
}

/** A change of a partition that its officers decide. */
export type PartitionChange =
  | { readonly kind: 'add-user' | 'remove-user' | 'add-officer' | 'remove-officer'; readonly who: string }
  | { readonly kind: 'set-quorum'; readonly quorum: number }
  | { readonly kind: 'rotate-domain-key' };

const MAX_PARTITIONS = 32;
const MAX_OFFICERS = 16;
const MAX_USERS = 128;
const MAX_KEYS = 16;
const MAX_NAME_BYTES = 512;
const NAME = /^[a-z0-9._-]{1,64}$/;
const STATES = ['', 'ACTIVE', 'DECRYPT'] as const;

/** Whether a partition may have this name. */
export function isPartitionName(name: string): boolean {
  return NAME.test(name);
}

/** Adds a partition with its first officer. Throws AlreadyExists, LimitExceeded, Validation. */
export function withPartition(partitions: readonly Partition[], made: Partition): Partition[] {
  if (!isPartitionName(made.name)) throw invalid('name: 1 to 64 of a-z, 0-9, dot, dash and underscore wanted.');
  if (partitions.some(({ name }) => name === made.name))
    throw new KeysteadError('AlreadyExists', `There is a partition ${made.name} already.`);
  limit(partitions.length, MAX_PARTITIONS, 'partitions');
  return [...partitions, made].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Without a partition: its domain keys are gone with it, and every token of it is worthless. Throws NotFound. */
export function withoutPartition(partitions: readonly Partition[], name: string): Partition[] {
  find(partitions, name);
  return partitions.filter((one) => one.name !== name);
}

/** With one partition changed by `change`. Throws NotFound, and what `change` throws. */
export function withChanged(
  partitions: readonly Partition[],
  name: string,
  change: (partition: Partition) => Partition,
): Partition[] {
  const found = find(partitions, name);
  return partitions.map((one) => (one === found ? change(one) : one));
}

/** The partition after a change. `next` is a new domain key, for a rotation. Throws AlreadyExists, NotFound, LimitExceeded, Validation. */
export function changed(partition: Partition, change: PartitionChange, next?: DomainKey): Partition {
  const { users, officers, quorum, keys } = partition;
  switch (change.kind) {
    case 'add-user':
      return { ...partition, users: added(users, change.who, MAX_USERS, 'users') };
    case 'remove-user':
      return { ...partition, users: removed(users, change.who) };
    case 'add-officer':
      return { ...partition, officers: added(officers, change.who, MAX_OFFICERS, 'officers') };
    case 'remove-officer': {
      const left = removed(officers, change.who);
      if (left.length < quorum) throw invalid(`The quorum of ${quorum} needs as many officers.`);
      return { ...partition, officers: left };
    }
    case 'set-quorum':
      if (change.quorum < 1 || change.quorum > officers.length)
        throw invalid(`quorum: 1 to ${officers.length}, the number of officers, wanted.`);
      return { ...partition, quorum: change.quorum };
    case 'rotate-domain-key':
      if (!next) throw new RangeError('a rotation needs a key');
      limit(keys.length, MAX_KEYS, 'domain keys of a partition');
      return { ...partition, keys: [...keys.map((key) => ({ ...key, state: 'DECRYPT' as const })), next] };
  }
}

/** Throws NotFound. */
export function find(partitions: readonly Partition[], name: string): Partition {
  const found = partitions.find((one) => one.name === name);
  if (found) return found;
  throw new KeysteadError('NotFound', `There is no partition ${isPartitionName(name) ? name : 'of this name'}.`);
}

/** The bytes of a partition in the root; the caller overwrites them. */
export function encodePartition({ name, domain, createdMs, quorum, officers, users, keys }: Partition): Buffer {
  return Buffer.concat([
    ...[text(name), domain, u64(createdMs), uint(quorum, 1), list(officers), list(users)],
    ...keys.map(({ epoch, state, createdMs: made, key }) =>
      Buffer.concat([uint(epoch, 4), uint(STATES.indexOf(state as 'ACTIVE' | 'DECRYPT'), 1), u64(made), key]),
    ),
  ]);
}

/** Reads a partition; undefined for bytes that `encodePartition` would not have written. */
export function readPartition(value: Buffer): Partition | undefined {
  const reader = new Reader(value);
  const name = readText(reader);
  const [domain, createdMs, quorum] = [Buffer.from(reader.take(16)), reader.u64(), reader.uint(1)];
  const [officers, users] = [readList(reader), readList(reader)];
  const keys: DomainKey[] = [];
  while (reader.remaining > 0) {
    const epoch = reader.uint(4);
    const state = STATES[reader.uint(1)];
    if (!state || epoch <= (keys.at(-1)?.epoch ?? 0)) return undefined;
    keys.push({ epoch, state, createdMs: reader.u64(), key: Buffer.from(reader.take(32)) });
  }
  if (keys.at(-1)?.state !== 'ACTIVE' || quorum === 0) return undefined;
  return { name, domain, createdMs, quorum, officers, users, keys };
}

function added(names: readonly string[], who: string, max: number, what: string): string[] {
  if (who.length === 0 || Buffer.byteLength(who) > MAX_NAME_BYTES)
    throw invalid('A SPIFFE id of at most 512 bytes wanted.');
  if (names.includes(who)) throw new KeysteadError('AlreadyExists', `${who} is one of the ${what} already.`);
  limit(names.length, max, what);
  return [...names, who];
}

function removed(names: readonly string[], who: string): string[] {
  if (!names.includes(who)) throw new KeysteadError('NotFound', 'There is nobody of this name.');
  return names.filter((name) => name !== who);
}

function limit(count: number, max: number, what: string): void {
  if (count >= max) throw new KeysteadError('LimitExceeded', `At most ${max} ${what} are possible.`);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  return Buffer.concat([uint(bytes.length, 2), bytes]);
}

function readText(reader: Reader): string {
  return reader.take(reader.uint(2)).toString('utf8');
}

function list(values: readonly string[]): Buffer {
  return Buffer.concat([uint(values.length, 1), ...values.map(text)]);
}

function readList(reader: Reader): string[] {
  return Array.from({ length: reader.uint(1) }, () => readText(reader));
}

function invalid(message: string): KeysteadError {
  return new KeysteadError('Validation', message);
}
