import { randomUUID } from 'node:crypto';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { CeremonyNote } from '../domain/ceremonies.js';
import { chained, readChain, type NotedCeremony } from '../domain/ceremony-journal.js';
import { readIfThere, replaceDurably, syncDirectory } from './files.js';

const JOURNAL = 'ceremonies.jsonl';
const DELIVERED = 'ceremonies.delivered';

/**
 * What operators did, in a file beside the root that only grows: a ceremony is known even if the audit log was away. Each
 * line names the hash of the one before.
 */
export class Journal {
  readonly #directory: string;
  readonly #now: () => Date;
  #lines: readonly NotedCeremony[] = [];
  #delivered = 0;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(directory: string, now: () => Date) {
    this.#directory = directory;
    this.#now = now;
  }

  /** Reads what is there. Throws RootError if a line is missing or was changed; a torn last line was never answered. */
  static async open(directory: string, now: () => Date): Promise<Journal> {
    const journal = new Journal(directory, now);
    const { ceremonies, whole } = readChain((await readIfThere(join(directory, JOURNAL))) ?? Buffer.alloc(0));
    if (whole !== undefined) await replaceDurably(join(directory, JOURNAL), whole);
    journal.#lines = ceremonies;
    journal.#delivered = Number((await readIfThere(join(directory, DELIVERED)))?.toString('latin1') ?? 0);
    return journal;
  }

  /** Adds a ceremony; it is on the disk when this resolves. */
  note(ceremony: CeremonyNote): Promise<void> {
    return this.#inTurn(async () => {
      const last = this.#lines.at(-1);
      const { line, noted } = chained(ceremony, last, this.#now(), randomUUID());
      if (!last) await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      await append(join(this.#directory, JOURNAL), line);
      if (!last) await syncDirectory(this.#directory);
      this.#lines = [...this.#lines, noted];
    });
  }

  /** The oldest that are not in the audit log yet. */
  pending(limit: number): readonly NotedCeremony[] {
    return this.#lines.filter(({ sequence }) => sequence > this.#delivered).slice(0, limit);
  }

  /** Everything up to this sequence is in the audit log. */
  delivered(sequence: number): Promise<void> {
    return this.#inTurn(async () => {
      if (sequence <= this.#delivered || sequence > (this.#lines.at(-1)?.sequence ?? 0)) return;
      await replaceDurably(join(this.#directory, DELIVERED), Buffer.from(String(sequence), 'latin1'));
      this.#delivered = sequence;
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work, work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

async function append(path: string, line: Buffer): Promise<void> {
  const file = await open(path, 'a', 0o600);
  try {
    await file.writeFile(line);
    await file.sync();
  } finally {
    await file.close();
  }
}
