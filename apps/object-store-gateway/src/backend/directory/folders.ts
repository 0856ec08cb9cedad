import { mkdir, open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Folders that are kept open. */
const MOST_OPEN = 256;

/** Makes folders, and makes durable what was done in them (new names, removed names). */
export class Folders {
  readonly #root: string;
  /** The oldest unused first. */
  readonly #open = new Map<string, Promise<Folder>>();

  constructor(root: string) {
    this.#root = root;
  }

  /** Resolves when `path`, two levels below the root, exists. */
  async ensure(path: string): Promise<void> {
    await this.#folder(path);
  }

  /** Resolves when the names in `path` are durable. */
  async sync(path: string): Promise<void> {
    await (await this.#folder(path)).sync();
  }

  async close(): Promise<void> {
    const folders = [...this.#open.values()];
    this.#open.clear();
    await Promise.allSettled(folders.map(async (folder) => (await folder).close()));
  }

  #folder(path: string): Promise<Folder> {
    const known = this.#open.get(path);
    const folder = known ?? this.#make(path);
    this.#open.delete(path);
    this.#open.set(path, folder);
    if (!known) {
      folder.catch(() => this.#open.delete(path));
      this.#closeOldest();
    }
    return folder;
  }

  async #make(path: string): Promise<Folder> {
    const first = await mkdir(path, { recursive: true, mode: 0o700 });
    if (first !== undefined) for (const parent of [dirname(path), this.#root]) await syncOnce(parent);
    return new Folder(await open(path, 'r'));
  }

  #closeOldest(): void {
    if (this.#open.size <= MOST_OPEN) return;
    const [oldest] = this.#open;
    if (!oldest) return;
    const [path, folder] = oldest;
    this.#open.delete(path);
    // A handle closes after the flushes that it has begun.
    folder.then((found) => found.close()).catch(() => undefined);
  }
}

/** One open folder, whose flushes are shared. */
class Folder {
  readonly #handle: FileHandle;
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Who asks while a flush runs shares the next one: the running one may have begun before their name was there. */
  sync(): Promise<void> {
    this.#next ??= this.#flush();
    return this.#next;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  async #flush(): Promise<void> {
    await this.#running.catch(() => undefined);
    this.#running = this.#next ?? Promise.resolve();
    this.#next = undefined;
    await this.#handle.sync();
  }
}

async function syncOnce(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
