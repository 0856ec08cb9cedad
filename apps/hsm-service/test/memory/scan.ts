import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { basename, join } from 'node:path';

/** Bytes that must not be found, by the name under which a finding is told. */
export type Secrets = ReadonlyMap<string, Uint8Array>;

/** Looks for secrets in raw form, base64 and hex. */
export class Scanner {
  // Which first two bytes any needle has, so that nearly every position costs one look into a table.
  readonly #first = new Uint8Array(1 << 16);
  readonly #needles = new Map<number, { name: string; bytes: Buffer }[]>();
  longest = 0;

  constructor(secrets: Secrets) {
    for (const [name, secret] of secrets) {
      const raw = Buffer.from(secret);
      // The last characters of base64 depend on what follows.
      const base64 = raw.toString('base64').slice(0, Math.floor((raw.length * 8) / 6));
      this.#add(name, raw);
      this.#add(`${name} in base64`, Buffer.from(base64, 'latin1'));
      this.#add(`${name} in hex`, Buffer.from(raw.toString('hex'), 'latin1'));
    }
  }

  #add(name: string, bytes: Buffer): void {
    const first = bytes.readUInt16LE();
    this.#first[first] = 1;
    this.#needles.set(first, [...(this.#needles.get(first) ?? []), { name, bytes }]);
    this.longest = Math.max(this.longest, bytes.length);
  }

  /** What is in these bytes; `found` counts by name. */
  scan(bytes: Buffer, found: Map<string, number>): void {
    const first = this.#first;
    let low = bytes[0] as number;
    for (let i = 1; i < bytes.length; i++) {
      const high = bytes[i] as number;
      if (first[low | (high << 8)] === 1) this.#compare(bytes, i - 1, found);
      low = high;
    }
  }

  #compare(bytes: Buffer, at: number, found: Map<string, number>): void {
    for (const { name, bytes: needle } of this.#needles.get(bytes.readUInt16LE(at)) ?? []) {
      if (bytes.length - at < needle.length) continue;
      if (bytes.compare(needle, 0, needle.length, at, at + needle.length) === 0)
        found.set(name, (found.get(name) ?? 0) + 1);
    }
  }
}

const CHUNK = 4 << 20;

/**
 * Counts what is found in the writable memory of a process that no file backs: heaps, stacks, buffers. `seen` holds the
 * shared memory that was looked at with another process.
 */
export function scanProcess(pid: number, scanner: Scanner, seen: Set<string>): Map<string, number> {
  const found = new Map<string, number>();
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    for (const { from, to } of writable(pid, seen)) scanRange({ file: memory, from, to }, scanner, found);
  } finally {
    closeSync(memory);
  }
  return found;
}

/** Counts what is found in every file below a folder. */
export function scanFolder(folder: string, scanner: Scanner): Map<string, number> {
  const found = new Map<string, number>();
  for (const path of filesIn(folder)) scanFile(path, scanner, found);
  return found;
}

/** Counts what is found in a file, if it is there. */
export function scanFile(path: string, scanner: Scanner, found = new Map<string, number>()): Map<string, number> {
  const file = openIfThere(path);
  if (file === undefined) return found;
  scanRange({ file, from: 0, to: fstatSync(file).size }, scanner, found);
  closeSync(file);
  return found;
}

/** PostgreSQL removes files of its own at any time. */
function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch {
    return undefined;
  }
}

/** Every file below a folder. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

interface Range {
  readonly file: number;
  readonly from: number;
  readonly to: number;
}

function scanRange({ file, from, to }: Range, scanner: Scanner, found: Map<string, number>): void {
  const chunk = Buffer.allocUnsafe(CHUNK);
  const step = CHUNK - scanner.longest;
  for (let at = from; at < to; at += step) {
    const length = read(file, chunk, Math.min(CHUNK, to - at), at);
    if (length > 1) scanner.scan(chunk.subarray(0, length), found);
  }
  chunk.fill(0);
}

/** Pages that went away meanwhile hold nothing. */
function read(file: number, into: Buffer, length: number, at: number): number {
  try {
    return readSync(file, into, 0, length, at);
  } catch {
    return 0;
  }
}

function writable(pid: number, seen: Set<string>): { from: number; to: number }[] {
  return readFileSync(`/proc/${pid}/maps`, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const match = /^([0-9a-f]+)-([0-9a-f]+) rw(\S)\S* \S+ \S+ (\d+) *(.*)$/.exec(line);
      const [, from = '', to = '', sharing, inode = '', path = ''] = match ?? [];
      if (!match || (inode !== '0' && !path.includes('(deleted)')) || (sharing === 's' && seen.has(inode))) return [];
      if (sharing === 's') seen.add(inode);
      return [{ from: parseInt(from, 16), to: parseInt(to, 16) }];
    });
}

/** A process and everything below it, by what they run. */
export function processTree(pid: number, name = 'launcher'): { pid: number; name: string }[] {
  const below = readdirSync(`/proc/${pid}/task`).flatMap((task) => children(pid, task));
  return [{ pid, name }, ...below.flatMap((child) => processTree(child, nameOf(child)))];
}

function children(pid: number, task: string): number[] {
  return readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

function nameOf(pid: number): string {
  const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  return /dist\/([a-z-]+)\/main\.mjs/.exec(line)?.[1] ?? basename(line.split(/[\0 ]/)[0] ?? '');
}
