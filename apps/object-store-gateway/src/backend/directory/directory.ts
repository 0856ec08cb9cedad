import { access, constants, mkdir, open, opendir, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Backend, BlobReader, BlobWriter } from '../backend.js';
import { BufferPool } from '../buffer-pool.js';
import { Folders } from './folders.js';
import { footerOf, readFooter } from '../footer.js';
import { blobOfFile, blobPath } from './paths.js';
import { FileReader } from './reader.js';
import { FileWriter } from './writer.js';

/** Keeps blobs as files under `root`, which must exist. */
export function directoryBackend(root: string): Backend {
  return new DirectoryBackend(root);
}

class DirectoryBackend implements Backend {
  readonly #root: string;
  readonly #folders: Folders;
  readonly #pool = new BufferPool();

  constructor(root: string) {
    this.#root = root;
    this.#folders = new Folders(root);
  }

  create(blob: string, length: number): Promise<BlobWriter> {
    return FileWriter.open(this.#folders, blobPath(this.#root, blob), length);
  }

  async read(blob: string, start: number, end: number): Promise<BlobReader> {
    return FileReader.open(blob, blobPath(this.#root, blob).file, this.#pool, start, end);
  }

  async putRecord(blob: string, record: Buffer): Promise<void> {
    await withFile(blobPath(this.#root, blob).file, 'r+', async (file) => {
      const { size } = await file.stat();
      const footer = footerOf(record);
      for (let at = 0; at < footer.length;) at += (await file.write(footer, at, undefined, size + at)).bytesWritten;
      await file.datasync();
    });
  }

  async removeRecord(blob: string): Promise<void> {
    await withFile(blobPath(this.#root, blob).file, 'r+', async (file) => {
      const footer = await footerOfFile(file);
      if (!footer) return;
      await file.truncate(footer.start);
      await file.datasync();
    });
  }

  async remove(blobs: readonly string[]): Promise<void> {
    await Promise.all(blobs.map((blob) => rm(blobPath(this.#root, blob).file, { force: true })));
  }

  async *records(): AsyncIterable<{ blob: string; record: Buffer }> {
    for await (const { blob, path } of this.#files()) {
      const footer = await withFile(path, 'r', footerOfFile);
      if (footer) yield { blob, record: footer.record };
    }
  }

  async *blobs(): AsyncIterable<{ blob: string; ageMs: number }> {
    for await (const { blob, path } of this.#files()) yield { blob, ageMs: Date.now() - (await stat(path)).mtimeMs };
  }

  async check(): Promise<void> {
    // Before the first object there is no folder yet, and that is well.
    await mkdir(this.#root, { recursive: true, mode: 0o700 });
    await access(this.#root, constants.R_OK | constants.W_OK);
  }

  close(): Promise<void> {
    return this.#folders.close();
  }

  async *#files(): AsyncIterable<{ blob: string; path: string }> {
    for await (const bucket of folders(this.#root)) {
      for await (const shard of folders(join(this.#root, bucket))) {
        const folder = join(this.#root, bucket, shard);
        for await (const entry of await opendir(folder)) {
          const blob = blobOfFile(bucket, entry.name);
          if (blob !== undefined) yield { blob, path: join(folder, entry.name) };
        }
      }
    }
  }
}

async function footerOfFile(file: FileHandle): Promise<{ start: number; record: Buffer } | undefined> {
  const { size } = await file.stat();
  return readFooter(size, async (position, length) => {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
    return bytesRead === length ? buffer : undefined;
  });
}

async function withFile<T>(path: string, flags: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, flags);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

async function* folders(path: string): AsyncIterable<string> {
  for await (const entry of await opendir(path)) if (entry.isDirectory()) yield entry.name;
}
