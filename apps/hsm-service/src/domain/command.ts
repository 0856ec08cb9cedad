import { KeysteadError } from '@keystead/errors';

/** Something that an operator wants done with the root, bound to one moment of it. */
export interface Command {
  /** For example "add-recipient". */
  readonly name: string;
  readonly arguments: Readonly<Record<string, string>>;
  /** 16 bytes that name the HSM domain. */
  readonly domain: Buffer;
  /** Of the root file that it changes. */
  readonly generation: bigint;
  /** 16 bytes, fresh for each command. */
  readonly nonce: Buffer;
  readonly expires: Date;
}

/** No command is larger. */
export const MAX_COMMAND_BYTES = 8_192;

const PREFIX = Buffer.from('keystead/v1/command\0', 'latin1');

/**
 * A command as text that operators can read and sign: JSON with sorted members and without spaces. Equal commands have
 * equal bytes, and different ones different bytes.
 */
export function encodeCommand(command: Command): Buffer {
  const { name, domain, generation, nonce, expires } = command;
  const sorted = Object.entries(command.arguments).sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.from(
    JSON.stringify({
      ...{ args: Object.fromEntries(sorted), cmd: name, domain: domain.toString('hex'), exp: expires.toISOString() },
      ...{ generation: String(generation), nonce: nonce.toString('hex'), v: 1 },
    }),
  );
}

/** Reads a command. Throws Validation unless it is exactly as `encodeCommand` writes it. */
export function parseCommand(bytes: Uint8Array): Command {
  const text = Buffer.from(bytes.subarray(0, MAX_COMMAND_BYTES + 1)).toString('utf8');
  const command = bytes.length <= MAX_COMMAND_BYTES ? read(text) : undefined;
  if (command && encodeCommand(command).toString('utf8') === text) return command;
  throw new KeysteadError('Validation', 'command: not as it was prepared.');
}

/** What operators sign: no signature for something else is one for a command. */
export function signedBytes(command: Uint8Array): Buffer {
  return Buffer.concat([PREFIX, command]);
}

function read(text: string): Command | undefined {
  const json = parseJson(text);
  const { args, cmd, domain, exp, generation, nonce } = json;
  const name = typeof cmd === 'string' ? cmd : undefined;
  const expires = new Date(typeof exp === 'string' ? exp : NaN);
  const [domainBytes, nonceBytes] = [hex16(domain), hex16(nonce)];
  const counted = typeof generation === 'string' && /^\d{1,19}$/.test(generation);
  if (name === undefined || Number.isNaN(expires.getTime()) || !domainBytes || !nonceBytes || !counted)
    return undefined;
  const named = argumentsOf(args);
  return (
    named && { name, arguments: named, domain: domainBytes, nonce: nonceBytes, expires, generation: BigInt(generation) }
  );
}

function parseJson(text: string): Record<string, unknown> {
  try {
    return { ...(JSON.parse(text) as object) };
  } catch {
    return {};
  }
}

function argumentsOf(value: unknown): Record<string, string> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const entries = Object.entries(value as Record<string, unknown>);
  return entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')
    ? Object.fromEntries(entries)
    : undefined;
}

function hex16(value: unknown): Buffer | undefined {
  return typeof value === 'string' && /^[0-9a-f]{32}$/.test(value) ? Buffer.from(value, 'hex') : undefined;
}
