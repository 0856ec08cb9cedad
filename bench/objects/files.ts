import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { callers, objectsOfCaller, type ObjectStore } from './store.js';

/** A folder without a gateway: files written and flushed as the directory backend does, read at once. */
export function fileStore(name: string, folder: string): ObjectStore {
  const bodies = new Map<number, Buffer>();
  const bodyOf = (bytes: number): Buffer => {
    const body = bodies.get(bytes) ?? Buffer.alloc(bytes, 0x42);
    bodies.set(bytes, body);
    return body;
  };
  const pathOf = (bytes: number, caller: number, n: number): string => join(folder, `${bytes}-${caller}-${n}`);
  const put = (path: string, bytes: number): Promise<void> => writeDurably(folder, path, bodyOf(bytes));
  return {
    name,
    roots: [],
    async fill(bytes) {
      for (let caller = 0; caller < callers; caller++)
        for (let n = 0; n < objectsOfCaller(bytes); n++) await put(pathOf(bytes, caller, n), bytes);
    },
    open(verb, bytes) {
      const turns = new Array<number>(callers).fill(0);
      const move = async (caller: number): Promise<void> => {
        const turn = (turns[caller] ?? 0) % objectsOfCaller(bytes);
        turns[caller] = turn + 1;
        const path = pathOf(bytes, caller, turn);
        if (verb === 'PUT') await put(path, bytes);
        else await readFile(path);
      };
      return Promise.resolve({ move, close: () => undefined });
    },
  };
}

async function writeDurably(folder: string, path: string, body: Buffer): Promise<void> {
  const [file, parent] = await Promise.all([open(path, 'w', 0o600), open(folder, 'r')]);
  try {
    await file.write(body);
    await Promise.all([file.datasync(), parent.sync()]);
  } finally {
    await Promise.all([file.close(), parent.close()]);
  }
}
