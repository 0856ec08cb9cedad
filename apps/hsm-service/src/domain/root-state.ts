import { Reader, u64, uint } from './bytes.js';
import type { DomainKey, TransferIdentity } from './domain-keys.js';
import { encodePartition, readPartition, type Partition } from './partition.js';
import { RootError } from './root-error.js';

/** What the root file protects. */
export interface RootState {
  readonly domainKeys: readonly DomainKey[];
  /** One for each recipient of the header, in its order; empty in files of the first version. */
  readonly recipients: readonly RecipientRecord[];
  readonly operators: readonly Operator[];
  readonly rules: readonly Rule[];
  /** Commands that were carried out and have not expired: none is taken twice. */
  readonly nonces: readonly UsedNonce[];
  /** From the first rotation of the domain key on. */
  readonly transferIdentity?: TransferIdentity | undefined;
  /** What the operators gave up for this root, when it was older than what kms-service knew. */
  readonly superseded?: FileName | undefined;
  /** How they did. */
  readonly supersession?: Supersession | undefined;
  /** The files before this one, oldest first: who knows any of them can tell that this one follows on it. */
  readonly history?: readonly FileName[] | undefined;
  /** Isolated key spaces, by name. */
  readonly partitions?: readonly Partition[] | undefined;
}

/** The command by which a root was given up; who keeps that root judges whether it was signed as its rules ask. */
export interface Supersession {
  readonly command: Buffer;
  readonly signatures: readonly { readonly operator: string; readonly signature: Buffer }[];
}

/** One file of the root. */
export interface FileName {
  readonly generation: bigint;
  /** SHA-256 of its file. */
  readonly hash: Buffer;
}

/** What is kept of a recipient, so that the others can be wrapped again when one is added or removed. */
export interface RecipientRecord {
  /** 1 to 64 characters of a-z, 0-9, dot, dash and underscore; unique. */
  readonly name: string;
  /** Milliseconds since 1970 UTC. */
  readonly createdMs: bigint;
  /** The key that wraps the root wrapping secret for it: 32 bytes; empty where the file was written before it was kept. */
  readonly kek: Buffer;
}

/** Somebody whose signature counts. */
export interface Operator {
  /** 1 to 64 characters of a-z, 0-9, dot, dash and underscore; unique. */
  readonly name: string;
  /** Likewise; rules ask for roles. */
  readonly role: string;
  /** 32 bytes, Ed25519 (RFC 8032); unique. */
  readonly publicKey: Buffer;
}

/** A command needs signatures of `count` operators of `role`. */
export interface Rule {
  /** The name of a command, or "*" for every command that has no rule of its own. */
  readonly command: string;
  readonly role: string;
  /** At least 1. */
  readonly count: number;
}

/** The nonce of a command that was carried out. */
export interface UsedNonce {
  /** 16 bytes. */
  readonly nonce: Buffer;
  /** Milliseconds since 1970 UTC; afterwards the command has expired and the nonce is forgotten. */
  readonly expiresMs: bigint;
}

/** A state with nothing but its domain keys. */
export function stateOf(domainKeys: readonly DomainKey[]): RootState {
  return { domainKeys, recipients: [], operators: [], rules: [], nonces: [] };
}

// Record types of the sealed part; 1 and 2 are a domain key itself, and the name of one that lies in a device. 3, 4 and 7
// are reserved for the audit key, the CloudTrail key and pinned services. A type that is not known is refused: to drop it
// silently at the next write would lose a key.
const DOMAIN_KEY = 1;
const DEVICE_KEY = 2;
const OPERATOR = 5;
const RULE = 6;
const RECIPIENT = 8;
const NONCE = 9;
const TRANSFER_IDENTITY = 16;
const SUPERSEDED = 17;
const HISTORY = 18;
const PARTITION = 19;
const SUPERSESSION = 20;
const STATES = ['', 'ACTIVE', 'DECRYPT', 'DESTROYED', 'NEXT'] as const;
const ED25519 = 1;
const DEVICE_ID_BYTES = 16;
const SIGNATURE_BYTES = 64;

/** Records u16 type | u32 length | value: domain keys by epoch, then the rest. The caller overwrites the result. */
export function encodeState(state: RootState): Buffer {
  const { domainKeys, operators, rules, recipients, nonces, transferIdentity, history, partitions } = state;
  const { superseded, supersession } = state;
  const records: [number, Buffer][] = [
    ...domainKeys.map((key): [number, Buffer] => [key.deviceId ? DEVICE_KEY : DOMAIN_KEY, encodeDomainKey(key)]),
    ...operators.map((operator): [number, Buffer] => [OPERATOR, encodeOperator(operator)]),
    ...rules.map((rule): [number, Buffer] => [RULE, encodeRule(rule)]),
    ...recipients.map((recipient): [number, Buffer] => [RECIPIENT, encodeRecord(recipient)]),
    ...nonces.map(({ nonce, expiresMs }): [number, Buffer] => [NONCE, Buffer.concat([nonce, u64(expiresMs)])]),
  ];
  if (transferIdentity) records.push([TRANSFER_IDENTITY, encodeIdentity(transferIdentity)]);
  if (superseded) records.push([SUPERSEDED, encodeFileName(superseded)]);
  if (supersession) records.push([SUPERSESSION, encodeSupersession(supersession)]);
  if (history?.length) records.push([HISTORY, Buffer.concat(history.map(encodeFileName))]);
  for (const partition of partitions ?? []) records.push([PARTITION, encodePartition(partition)]);
  const out = Buffer.concat(
    records.map(([type, value]) => Buffer.concat([uint(type, 2), uint(value.length, 4), value])),
  );
  for (const [, value] of records) value.fill(0);
  return out;
}

/** Throws RootError 'unsupported' for a record of a type that this version does not know. */
export function decodeState(bytes: Buffer): RootState {
  const reader = new Reader(bytes);
  const domainKeys: DomainKey[] = [];
  const [operators, rules, recipients, nonces]: [Operator[], Rule[], RecipientRecord[], UsedNonce[]] = [[], [], [], []];
  let transferIdentity: TransferIdentity | undefined;
  let superseded: FileName | undefined;
  let supersession: Supersession | undefined;
  let history: FileName[] | undefined;
  const partitions: Partition[] = [];
  const readers: Record<number, (value: Buffer) => unknown> = {
    [DOMAIN_KEY]: (value) => domainKeys.push(readDomainKey(DOMAIN_KEY, value, domainKeys.at(-1)?.epoch ?? 0)),
    [DEVICE_KEY]: (value) => domainKeys.push(readDomainKey(DEVICE_KEY, value, domainKeys.at(-1)?.epoch ?? 0)),
    [OPERATOR]: (value) => operators.push(readOperator(value)),
    [RULE]: (value) => rules.push(readRule(value)),
    [RECIPIENT]: (value) => recipients.push(readRecord(value)),
    [NONCE]: (value) => nonces.push(readNonce(value)),
    [TRANSFER_IDENTITY]: (value) => (transferIdentity = readIdentity(value)),
    [SUPERSEDED]: (value) => ([superseded] = readFileNames(value)),
    [SUPERSESSION]: (value) => (supersession = readSupersession(value)),
    [HISTORY]: (value) => (history = readFileNames(value)),
    [PARTITION]: (value) => partitions.push(readPartition(value) ?? fail('a partition')),
  };
  while (reader.remaining > 0) {
    const type = reader.uint(2);
    const read = readers[type];
    if (!read) throw new RootError('unsupported', `The root file holds a record of unknown type ${type}.`);
    read(reader.take(reader.uint(4)));
  }
  return {
    domainKeys,
    operators,
    rules,
    recipients,
    nonces,
    transferIdentity,
    superseded,
    supersession,
    history,
    ...(partitions.length > 0 && { partitions }),
  };
}

function encodeIdentity({ epoch, secret }: TransferIdentity): Buffer {
  return Buffer.concat([uint(epoch, 4), secret]);
}

function readIdentity(value: Buffer): TransferIdentity {
  const reader = new Reader(value);
  const epoch = reader.uint(4);
  if (reader.remaining !== 128) throw strange('a transfer identity');
  return { epoch, secret: Buffer.from(reader.take(128)) };
}

function encodeSupersession({ command, signatures }: Supersession): Buffer {
  const signed = signatures.map(({ operator, signature }) => Buffer.concat([short(operator), signature]));
  return Buffer.concat([uint(command.length, 2), command, ...signed]);
}

function readSupersession(value: Buffer): Supersession {
  const reader = new Reader(value);
  const command = Buffer.from(reader.take(reader.uint(2)));
  const signatures: { operator: string; signature: Buffer }[] = [];
  while (reader.remaining > 0) {
    const operator = readShort(reader);
    signatures.push({ operator, signature: Buffer.from(reader.take(SIGNATURE_BYTES)) });
  }
  return { command, signatures };
}

function encodeFileName({ generation, hash }: FileName): Buffer {
  return Buffer.concat([u64(generation), hash]);
}

function readFileNames(value: Buffer): FileName[] {
  const reader = new Reader(value);
  const names: FileName[] = [];
  while (reader.remaining > 0) names.push({ generation: reader.u64(), hash: Buffer.from(reader.take(32)) });
  return names;
}

function encodeDomainKey({ epoch, state, createdMs, key, deviceId }: DomainKey): Buffer {
  return Buffer.concat([uint(epoch, 4), uint(STATES.indexOf(state), 1), u64(createdMs), deviceId ?? key]);
}

function readDomainKey(type: number, value: Buffer, lastEpoch: number): DomainKey {
  const reader = new Reader(value);
  const epoch = reader.uint(4);
  const state = STATES[reader.uint(1)];
  const createdMs = reader.u64();
  const wanted = state === 'DESTROYED' ? 0 : type === DEVICE_KEY ? DEVICE_ID_BYTES : 32;
  if (!state || epoch <= lastEpoch || reader.remaining !== wanted) throw strange('a domain key');
  // A copy, so that the decrypted file can be overwritten.
  const bytes = Buffer.from(reader.take(wanted));
  const head = { epoch, state, createdMs };
  return type === DEVICE_KEY && wanted > 0
    ? { ...head, key: Buffer.alloc(0), deviceId: bytes }
    : { ...head, key: bytes };
}

function encodeOperator({ name, role, publicKey }: Operator): Buffer {
  return Buffer.concat([uint(ED25519, 1), short(name), short(role), publicKey]);
}

function readOperator(value: Buffer): Operator {
  const reader = new Reader(value);
  const algorithm = reader.uint(1);
  const [name, role] = [readShort(reader), readShort(reader)];
  if (algorithm !== ED25519 || reader.remaining !== 32) throw strange('an operator');
  return { name, role, publicKey: Buffer.from(reader.take(32)) };
}

function encodeRule({ command, role, count }: Rule): Buffer {
  return Buffer.concat([short(command), short(role), uint(count, 1)]);
}

function readRule(value: Buffer): Rule {
  const reader = new Reader(value);
  const [command, role, count] = [readShort(reader), readShort(reader), reader.uint(1)];
  if (count === 0 || reader.remaining > 0) throw strange('a rule');
  return { command, role, count };
}

function encodeRecord({ name, createdMs, kek }: RecipientRecord): Buffer {
  return Buffer.concat([short(name), u64(createdMs), kek]);
}

function readRecord(value: Buffer): RecipientRecord {
  const reader = new Reader(value);
  const [name, createdMs] = [readShort(reader), reader.u64()];
  if (reader.remaining !== 0 && reader.remaining !== 32) throw strange('a recipient');
  return { name, createdMs, kek: Buffer.from(reader.take(reader.remaining)) };
}

function readNonce(value: Buffer): UsedNonce {
  const reader = new Reader(value);
  const [nonce, expiresMs] = [Buffer.from(reader.take(16)), reader.u64()];
  if (reader.remaining > 0) throw strange('a nonce');
  return { nonce, expiresMs };
}

function short(text: string): Buffer {
  return Buffer.concat([uint(text.length, 1), Buffer.from(text, 'latin1')]);
}

function readShort(reader: Reader): string {
  return reader.take(reader.uint(1)).toString('latin1');
}

function fail(what: string): never {
  throw strange(what);
}

function strange(what: string): RootError {
  return new RootError('tampered', `The root file holds ${what} that this version would not have written.`);
}
