import { closeSync, fdatasync as fdatasyncCallback, open as openCallback, writev as writevCallback } from 'node:fs';
import { rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { BlobWriter } from '../backend.js';
import type { Folders } from './folders.js';
import { footerOf } from '../footer.js';
import type { BlobPath } from './paths.js';

const open = promisify(openCallback);
const writev = promisify(writevCallback);
const fdatasync = promisify(fdatasyncCallback);

/** How many buffers one system call takes (IOV_MAX is 1,024 on Linux). */
const MOST_PIECES = 1024;

/**
 * Writes one file. It has its final name from the start: the name is random and nobody knows it until the index
 * names it, so a rename would cost a second flush of the folder and protect nothing.
 */
export class FileWriter implements BlobWriter {
  readonly #file: number;
  #open = true;
  readonly #folders: Folders;
  readonly #path: BlobPath;
  readonly #length: number;
  #written = 0;

  private constructor(file: number, folders: Folders, path: BlobPath, length: number) {
    this.#file = file;
    this.#folders = folders;
    this.#path = path;
    this.#length = length;
  }

  static async open(folders: Folders, path: BlobPath, length: number): Promise<FileWriter> {
    await folders.ensure(path.folder);
    return new FileWriter(await open(path.file, 'wx', 0o600), folders, path, length);
  }

  async write(pieces: readonly Uint8Array[]): Promise<void> {
    for (let at = 0; at < pieces.length; at += MOST_PIECES) await this.#writeAll(pieces.slice(at, at + MOST_PIECES));
  }

  async commit(record?: Buffer): Promise<void> {
    if (this.#written !== this.#length) throw new RangeError(`wrote ${this.#written} of ${this.#length} bytes`);
    try {
      if (record) await this.#writeAll([footerOf(record)]);
      // Both at once: the file system's journal makes them durable together. The index names the blob only afterwards.
      await Promise.all([fdatasync(this.#file), this.#folders.sync(this.#path.folder)]);
    } finally {
      this.#close();
    }
  }

  async abort(): Promise<void> {
    this.#close();
    await rm(this.#path.file, { force: true });
  }

  /** Not worth a thread: what is to be flushed was flushed before. */
  #close(): void {
    if (this.#open) closeSync(this.#file);
    this.#open = false;
  }

  async #writeAll(pieces: Uint8Array[]): Promise<void> {
    let rest = pieces;
    while (rest.length > 0) {
      const { bytesWritten } = await writev(this.#file, rest);
      this.#written += bytesWritten;
      rest = without(rest, bytesWritten);
    }
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
