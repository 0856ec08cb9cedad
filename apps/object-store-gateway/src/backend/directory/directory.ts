import { access, constants, mkdir, opendir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Backend, BlobReader, BlobWriter } from '../backend.js';
import { BufferPool } from './buffer-pool.js';
import { Folders } from './folders.js';
import { blobOfFile, blobPaths } from './paths.js';
import { FileReader } from './reader.js';
import { FileWriter, writeNew } from './writer.js';

/** Sixteen sealed chunks: large enough that the system calls do not count. */
const BLOCK = 16 * (65_536 + 16);
const IDLE_BLOCKS = 32;

/** Keeps blobs as files under `root`, which must exist. */
export function directoryBackend(root: string): Backend {
  return new DirectoryBackend(root);
}

class DirectoryBackend implements Backend {
  readonly #root: string;
  readonly #folders: Folders;
  readonly #pool = new BufferPool(BLOCK, IDLE_BLOCKS);

  constructor(root: string) {
    this.#root = root;
    this.#folders = new Folders(root);
  }

  create(blob: string, length: number): Promise<BlobWriter> {
    return FileWriter.open(this.#folders, blobPaths(this.#root, blob), length);
  }

  async read(blob: string, start: number, end: number): Promise<BlobReader> {
    return FileReader.open(blob, blobPaths(this.#root, blob).data, this.#pool, start, end);
  }

  async putRecord(blob: string, record: Buffer): Promise<void> {
    const { folder, record: path } = blobPaths(this.#root, blob);
    await this.#folders.ensure(folder);
    const file = await writeNew(path, record);
    try {
      await Promise.all([file.datasync(), this.#folders.sync(folder)]);
    } finally {
      await file.close();
    }
  }

  async removeRecord(blob: string): Promise<void> {
    const { record, folder } = blobPaths(this.#root, blob);
    await rm(record, { force: true });
    await this.#folders.sync(folder);
  }

  async remove(blob: string): Promise<void> {
    const { data, record } = blobPaths(this.#root, blob);
    // The record first: a blob without a record is garbage, a record without its blob would be a broken object.
    await rm(record, { force: true });
    await rm(data, { force: true });
  }

  async *records(): AsyncIterable<{ blob: string; record: Buffer }> {
    for await (const { blob, kind, path } of this.#files()) {
      if (kind === 'record') yield { blob, record: await readFile(path) };
    }
  }

  async *blobs(): AsyncIterable<{ blob: string; ageMs: number }> {
    for await (const { blob, kind, path } of this.#files()) {
      if (kind === 'data') yield { blob, ageMs: Date.now() - (await stat(path)).mtimeMs };
    }
  }

  async check(): Promise<void> {
    // Before the first object there is no folder yet, and that is well.
    await mkdir(this.#root, { recursive: true, mode: 0o700 });
    await access(this.#root, constants.R_OK | constants.W_OK);
  }

  close(): Promise<void> {
    return this.#folders.close();
  }

  async *#files(): AsyncIterable<{ blob: string; kind: 'data' | 'record'; path: string }> {
    for await (const bucket of folders(this.#root)) {
      for await (const shard of folders(join(this.#root, bucket))) {
        const folder = join(this.#root, bucket, shard);
        for await (const entry of await opendir(folder)) {
          const found = blobOfFile(bucket, entry.name);
          if (found) yield { ...found, path: join(folder, entry.name) };
        }
      }
    }
  }
}

async function* folders(path: string): AsyncIterable<string> {
  for await (const entry of await opendir(path)) if (entry.isDirectory()) yield entry.name;
}
