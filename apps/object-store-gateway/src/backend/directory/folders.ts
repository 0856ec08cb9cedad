import { mkdir, open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Folders that are kept open. */
const MOST_OPEN = 1_024;

/** Makes folders, and makes durable what was done in them (new names, removed names). */
export class Folders {
  readonly #root: string;
  /** The oldest unused first. */
  readonly #open = new Map<string, Promise<FileHandle>>();

  constructor(root: string) {
    this.#root = root;
  }

  /** Resolves when `path`, two levels below the root, exists. */
  async ensure(path: string): Promise<void> {
    await this.#handle(path);
  }

  /** Resolves when the names in `path` are durable. */
  async sync(path: string): Promise<void> {
    await (await this.#handle(path)).sync();
  }

  async close(): Promise<void> {
    const handles = [...this.#open.values()];
    this.#open.clear();
    for (const handle of handles) await handle.then((file) => file.close()).catch(() => undefined);
  }

  #handle(path: string): Promise<FileHandle> {
    const known = this.#open.get(path);
    const handle = known ?? this.#make(path);
    this.#open.delete(path);
    this.#open.set(path, handle);
    if (!known) {
      handle.catch(() => this.#open.delete(path));
      this.#closeOldest();
    }
    return handle;
  }

  async #make(path: string): Promise<FileHandle> {
    const first = await mkdir(path, { recursive: true, mode: 0o700 });
    if (first !== undefined) for (const parent of [dirname(path), this.#root]) await syncFolder(parent);
    return open(path, 'r');
  }

  #closeOldest(): void {
    if (this.#open.size <= MOST_OPEN) return;
    const [oldest] = this.#open;
    if (!oldest) return;
    const [path, handle] = oldest;
    this.#open.delete(path);
    // Whoever syncs it now has it open still: the close waits in the same queue of the handle.
    handle.then((file) => file.close()).catch(() => undefined);
  }
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
