import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { parseRoot, type SealedRoot } from '../domain/root-file.js';
import { RootError } from '../domain/root-error.js';
import { createDurably, hasCode, readIfThere, syncDirectory } from './files.js';

/** How many generations of the root file are kept. */
export const KEPT_GENERATIONS = 3;

const NAME = /^root-(\d{12})\.kst$/;

/** What lies in the root directory. */
export interface StoredRoot {
  /** The newest generation whose bytes are whole. */
  readonly root: SealedRoot;
  /** Newer generations that were found damaged, newest first. */
  readonly damaged: readonly bigint[];
}

/**
 * The newest whole root file of a directory; undefined if there is no root file at all.
 * Throws RootError if there are files and none is whole, or if two generations do not follow on each other.
 */
export async function loadRoot(directory: string): Promise<StoredRoot | undefined> {
  const generations = await listGenerations(directory);
  if (generations.length === 0) return undefined;
  const damaged: bigint[] = [];
  for (const generation of generations) {
    const root = await readGeneration(directory, generation);
    if (!root) damaged.push(generation);
    else return { root: await followsOn(directory, root), damaged };
  }
  throw new RootError('damaged', `All root files in ${directory} are damaged: restore one from a backup.`);
}

/** Adds a generation and forgets the oldest. Throws RootError if another process wrote this generation first. */
export async function saveRoot(directory: string, bytes: Uint8Array): Promise<SealedRoot> {
  const root = parseRoot(bytes);
  const { generation } = root.header;
  if (!(await createDurably(pathOf(directory, generation), bytes))) {
    throw new RootError('damaged', `Root generation ${generation} exists already: another process wrote it.`);
  }
  await prune(directory);
  return root;
}

/** The bytes of a root file that was read before. Throws RootError if they are not there any more. */
export async function readRoot(directory: string, { header, hash }: SealedRoot): Promise<Buffer> {
  const bytes = await readIfThere(pathOf(directory, header.generation));
  if (bytes && parseRoot(bytes).hash.equals(hash)) return bytes;
  throw new RootError('damaged', `Root generation ${header.generation} is not on the disk any more.`);
}

/** The whole generations of a directory, newest first. */
export async function keptRoots(directory: string): Promise<SealedRoot[]> {
  const roots = await Promise.all((await listGenerations(directory)).map((one) => readGeneration(directory, one)));
  return roots.filter((root) => root !== undefined);
}

async function prune(directory: string): Promise<void> {
  const old = (await listGenerations(directory)).slice(KEPT_GENERATIONS);
  for (const generation of old) await unlink(pathOf(directory, generation));
  if (old.length > 0) await syncDirectory(directory);
}

/** Makes an end of the generations before `generation`, which is on the disk: the recipients of those could open them. */
export async function forgetBefore(directory: string, generation: bigint): Promise<void> {
  const old = (await listGenerations(directory)).filter((other) => other < generation);
  for (const other of old) await unlink(pathOf(directory, other));
  if (old.length > 0) await syncDirectory(directory);
}

async function readGeneration(directory: string, generation: bigint): Promise<SealedRoot | undefined> {
  try {
    const root = parseRoot((await readIfThere(pathOf(directory, generation))) ?? Buffer.alloc(0));
    if (root.header.generation === generation) return root;
    throw new RootError('tampered', `The root file of generation ${generation} holds ${root.header.generation}.`);
  } catch (error) {
    if (error instanceof RootError && error.problem === 'damaged') return undefined;
    throw error;
  }
}

/** Each file names the hash of the one before it, so an exchanged file is noticed while its predecessor is kept. */
async function followsOn(directory: string, root: SealedRoot): Promise<SealedRoot> {
  const { generation, previousHash } = root.header;
  const previous = await readGeneration(directory, generation - 1n);
  if (!previous || previous.hash.equals(previousHash)) return root;
  throw new RootError('tampered', `Root generation ${generation} does not follow on generation ${generation - 1n}.`);
}

/** Newest first. */
async function listGenerations(directory: string): Promise<bigint[]> {
  try {
    const names = await readdir(directory);
    return names
      .flatMap((name) => NAME.exec(name)?.[1] ?? [])
      .map(BigInt)
      .sort((a, b) => (a < b ? 1 : -1));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

function pathOf(directory: string, generation: bigint): string {
  return join(directory, `root-${generation.toString().padStart(12, '0')}.kst`);
}
