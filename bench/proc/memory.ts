import { readFileSync } from 'node:fs';
import { treeOf } from './tree.js';

/** Memory of one process, in bytes. */
export interface ProcessMemory {
  readonly name: string;
  /** Its share: private pages whole, shared ones divided by all processes of the machine that map them. */
  readonly pss: number;
  /** Of it: pages of files, programs above all. */
  readonly pssFile: number;
}

/** The processes of the trees that begin at `roots`. */
export function memoryOf(roots: readonly number[]): ProcessMemory[] {
  return treeOf(roots).map((pid) => {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    return { name: nameOf(pid), pss: field(rollup, 'Pss'), pssFile: field(rollup, 'Pss_File') };
  });
}

/**
 * The pages of files that the trees keep in memory, each file once, in bytes: their share if nobody else on the machine ran
 * the same programs. Processes map nearly the same pages of a file, so the largest of them stands for all.
 */
export function filePagesAlone(roots: readonly number[]): number {
  const files = new Map<string, number>();
  for (const pid of treeOf(roots)) {
    for (const [file, bytes] of filesOf(pid)) files.set(file, Math.max(files.get(file) ?? 0, bytes));
  }
  return [...files.values()].reduce((sum, bytes) => sum + bytes, 0);
}

/** Resident bytes by file of one process. Shared memory is no file here: it is in Pss_Shmem. */
function filesOf(pid: number): Map<string, number> {
  const files = new Map<string, number>();
  let file = '';
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'utf8').split('\n')) {
    const mapping = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+ *(.*)$/.exec(line);
    if (mapping) file = /^\/(?!dev\/|SYSV|memfd:)/.test(mapping[1] ?? '') ? (mapping[1] ?? '') : '';
    else if (file !== '' && line.startsWith('Rss:')) add(files, file, kib(line));
    // Pages of a private mapping that were written are not the file's any more.
    else if (file !== '' && line.startsWith('Anonymous:')) add(files, file, -kib(line));
  }
  return files;
}

function add(files: Map<string, number>, file: string, bytes: number): void {
  files.set(file, (files.get(file) ?? 0) + bytes);
}

function field(rollup: string, name: string): number {
  const line = rollup.split('\n').find((text) => text.startsWith(`${name}:`));
  return line === undefined ? 0 : kib(line);
}

const kib = (line: string): number => Number(/(\d+) kB/.exec(line)?.[1] ?? 0) * 1_024;

function nameOf(pid: number): string {
  const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  const service = /dist\/([\w-]+)\/main\.mjs/.exec(command)?.[1];
  if (service !== undefined) return service === 'cli' ? 'launcher' : service;
  return command.includes('postgres') ? 'PostgreSQL' : command.split(' ', 1).join('');
}
