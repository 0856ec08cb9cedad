import { sqlState } from '@keystead/db';
import type { ChangeListener, Lease } from '@keystead/service';
import { S3Error } from '../domain/s3-error.js';

/** A name of the index: an object's, or undefined for everything (a bucket has changed). */
export type Name = string | undefined;

/** How an object is named here. */
export const nameOf = (bucket: string, key: string): string => `${bucket}/${key}`;

/** Longer than the database lets a statement run (30 s): what may still be committed has been by then. */
const DOUBT_MS = 35_000;

/**
 * Vouches for what was read of the index while `sole` says that no other process changes it. What is about to be changed is
 * void, and until the change has ended each of its readers asks the database and nothing of it is kept.
 */
export class IndexChanges implements Pick<Lease, 'fresh' | 'onChange'> {
  readonly #sole: Pick<Lease, 'fresh' | 'onChange'>;
  readonly #listeners = new Set<ChangeListener>();
  /** Names that are being changed, and by how many changes. */
  readonly #underWay = new Map<Name, number>();
  #doubtUntil = 0;

  constructor(sole: Pick<Lease, 'fresh' | 'onChange'>) {
    this.#sole = sole;
    sole.onChange(() => this.#tell(undefined));
  }

  fresh(): boolean {
    return !this.#underWay.has(undefined) && performance.now() >= this.#doubtUntil && this.#sole.fresh();
  }

  /** True while somebody changes this object. */
  isChanging(name: string): boolean {
    return this.#underWay.has(name);
  }

  onChange(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Runs a change, which says what it is about to change before it does. */
  async during<T>(change: (touch: (name: Name) => void) => Promise<T>): Promise<T> {
    const touched = new Set<Name>();
    try {
      return await change((name) => {
        if (touched.has(name)) return;
        touched.add(name);
        this.#underWay.set(name, (this.#underWay.get(name) ?? 0) + 1);
        this.#tell(name);
      });
    } catch (error) {
      if (touched.size > 0 && !isDecided(error)) this.#doubt();
      throw error;
    } finally {
      for (const name of touched) this.#end(name);
    }
  }

  #end(name: Name): void {
    const others = (this.#underWay.get(name) ?? 1) - 1;
    if (others > 0) this.#underWay.set(name, others);
    else this.#underWay.delete(name);
    // A reader who came before may have asked again meanwhile.
    this.#tell(name);
  }

  /** Nobody knows whether the change was made, nor when it will be. */
  #doubt(): void {
    this.#doubtUntil = performance.now() + DOUBT_MS;
    this.#tell(undefined);
  }

  #tell(name: Name): void {
    for (const listener of this.#listeners) listener(name === undefined ? undefined : [name]);
  }
}

/** The change failed for certain: we gave it up, or the database refused it. A lost connection decides nothing. */
function isDecided(error: unknown): boolean {
  const state = sqlState(error);
  return error instanceof S3Error || (state !== undefined && !/^(08|57P)/.test(state));
}

/** Vouches for nothing: where several gateways share an index. */
export const NEVER_SOLE: Pick<Lease, 'fresh' | 'onChange'> = {
  fresh: () => false,
  onChange: () => () => undefined,
};
