import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Makes what was done in a folder durable (new names, removed names). */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes folders once each, durably, and remembers them. */
export class Folders {
  readonly #root: string;
  readonly #made = new Map<string, Promise<void>>();

  constructor(root: string) {
    this.#root = root;
  }

  /** Resolves when `path`, two levels below the root, exists. */
  async ensure(path: string): Promise<void> {
    let made = this.#made.get(path);
    if (!made) {
      made = this.#make(path);
      this.#made.set(path, made);
      made.catch(() => this.#made.delete(path));
    }
    await made;
  }

  async #make(path: string): Promise<void> {
    const first = await mkdir(path, { recursive: true, mode: 0o700 });
    if (first === undefined) return;
    await syncFolder(dirname(path));
    await syncFolder(this.#root);
  }
}
