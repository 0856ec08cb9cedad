import { open, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { BlobWriter } from '../backend.js';
import type { Folders } from './folders.js';
import type { BlobPaths } from './paths.js';

/** How many buffers one system call takes (IOV_MAX is 1,024 on Linux). */
const MOST_PIECES = 1024;

/**
 * Writes one file. It has its final name from the start: the name is random and nobody knows it until the index
 * names it, so a rename would cost a second flush of the folder and protect nothing.
 */
export class FileWriter implements BlobWriter {
  readonly #file: FileHandle;
  readonly #folders: Folders;
  readonly #paths: BlobPaths;
  readonly #length: number;
  #written = 0;

  private constructor(file: FileHandle, folders: Folders, paths: BlobPaths, length: number) {
    this.#file = file;
    this.#folders = folders;
    this.#paths = paths;
    this.#length = length;
  }

  static async open(folders: Folders, paths: BlobPaths, length: number): Promise<FileWriter> {
    await folders.ensure(paths.folder);
    return new FileWriter(await open(paths.data, 'wx', 0o600), folders, paths, length);
  }

  async write(pieces: readonly Uint8Array[]): Promise<void> {
    for (let at = 0; at < pieces.length; at += MOST_PIECES) await this.#writeAll(pieces.slice(at, at + MOST_PIECES));
  }

  async commit(record?: Buffer): Promise<void> {
    if (this.#written !== this.#length) throw new RangeError(`wrote ${this.#written} of ${this.#length} bytes`);
    const beside = record && (await writeNew(this.#paths.record, record));
    try {
      // All at once: the file system's journal makes them durable together. The index names the blob only afterwards,
      // and a rebuild checks that a record's blob is there.
      await Promise.all([this.#file.datasync(), beside?.datasync(), this.#folders.sync(this.#paths.folder)]);
    } finally {
      await Promise.all([this.#file.close(), beside?.close()]);
    }
  }

  async abort(): Promise<void> {
    await this.#file.close().catch(() => undefined);
    await rm(this.#paths.record, { force: true });
    await rm(this.#paths.data, { force: true });
  }

  async #writeAll(pieces: Uint8Array[]): Promise<void> {
    let rest = pieces;
    while (rest.length > 0) {
      const { bytesWritten } = await this.#file.writev(rest);
      this.#written += bytesWritten;
      rest = without(rest, bytesWritten);
    }
  }
}

/** Makes a file with these bytes; it is not durable yet. */
export async function writeNew(path: string, bytes: Buffer): Promise<FileHandle> {
  const file = await open(path, 'wx', 0o600);
  try {
    for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at)).bytesWritten;
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** What is left of `pieces` after their first `bytes` bytes. */
function without(pieces: Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes;
  let first = 0;
  for (let piece = pieces[first]; piece && skip >= piece.length; piece = pieces[first]) {
    skip -= piece.length;
    first++;
  }
  const rest = pieces.slice(first);
  if (skip > 0 && rest[0]) rest[0] = rest[0].subarray(skip);
  return rest;
}
