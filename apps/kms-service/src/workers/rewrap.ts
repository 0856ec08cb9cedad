import { randomUUID } from 'node:crypto';
import { transaction, type Pool } from '@keystead/db';
import { asKeysteadError } from '@keystead/errors';
import type { Logger } from '@keystead/service';
import type { HsmClient } from '../clients/hsm.js';
import { epochOf } from '../domain/token.js';
import { nextSequence } from '../store/changes.js';
import { closeEpochs } from '../store/hsm-root.js';
import { keyCacheKey } from '../store/key-store.js';
import { countTokens, oldTokens, replaceTokens, start, type OldToken, type Rewrapped } from '../store/rewraps.js';
import { holdLease } from '../store/worker-lease.js';
import type { Count } from './share-root.js';

/** What rewrapping works with. */
export interface RewrapParts {
  readonly pool: Pool;
  readonly hsm: HsmClient;
  readonly log: Logger;
  readonly now: () => Date;
  /** Tokens per second at most, so that calls of users do not feel it. */
  readonly perSecond: number;
  /** How long after a rotation tokens of the former epoch are still taken in: longer than making a key takes. */
  readonly closeAfterMs: number;
  /** Resolves when no cache serves what was before the change. */
  readonly announce: (change: { sequence: bigint; cacheKeys: readonly string[] }) => Promise<void>;
}

/** One frame to the HSM, one statement and one change for the caches. */
const batch = 64;
const leaseMs = 30_000;

/**
 * Wraps every token under the active domain key, in the background. Where it stands is told by the epochs of the tokens
 * themselves: a process that dies in the middle loses nothing. One process works at a time, by a lease; even two would
 * not harm each other, since a token is replaced only while it is the one that was read.
 */
export class Rewrapper {
  readonly #parts: RewrapParts;
  readonly #id = randomUUID();
  #epoch = 0;
  #epochSince = 0;
  #closed = false;
  /** Tokens that the HSM would not open in the last pass. */
  failed = 0;
  /** Tokens rewrapped by this process. */
  done = 0;
  /** By epoch, as this process counted last. */
  tokens: readonly (readonly [epoch: string, tokens: number])[] = [];

  constructor(parts: RewrapParts) {
    this.#parts = parts;
  }

  /** One pass over the tokens of epochs before `activeEpoch`; then those epochs are closed, and all tokens counted. */
  async round(activeEpoch: number): Promise<Count | undefined> {
    const { pool, closeAfterMs } = this.#parts;
    this.#since(activeEpoch);
    if (activeEpoch === 0 || !(await this.#hold())) return undefined;
    const [first] = await countTokens(pool);
    const complete = first === undefined || first.epoch >= activeEpoch || (await this.#pass(activeEpoch));
    const since = performance.now() - this.#epochSince;
    if (complete && since >= closeAfterMs) await closeEpochs(pool, activeEpoch);
    return this.count(activeEpoch, complete && since >= closeAfterMs);
  }

  /** Counts after the closing has committed: a transaction that it waited for is counted, a later one is refused. */
  async count(activeEpoch: number, closed: boolean): Promise<Count> {
    const { pool, now } = this.#parts;
    const at = now();
    const counted = new Map((await countTokens(pool)).map(({ epoch, tokens }) => [epoch, tokens]));
    for (let epoch = 1; closed && epoch < activeEpoch; epoch++) if (!counted.has(epoch)) counted.set(epoch, 0);
    this.tokens = [...counted].map(([epoch, n]) => [String(epoch), n]);
    const tokens = [...counted].map(([epoch, n]) => ({
      epoch,
      tokens: BigInt(n),
      closed: closed && epoch < activeEpoch,
    }));
    return { at, tokens };
  }

  close(): void {
    this.#closed = true;
  }

  #since(activeEpoch: number): void {
    if (this.#epoch === activeEpoch) return;
    this.#epoch = activeEpoch;
    this.#epochSince = performance.now();
  }

  #hold(): Promise<boolean> {
    return holdLease(this.#parts.pool, 'rewrap', this.#id, leaseMs);
  }

  /** True when no token was left behind. */
  async #pass(activeEpoch: number): Promise<boolean> {
    const { pool, perSecond, log } = this.#parts;
    this.failed = 0;
    let [left, after] = [0, start];
    for (;;) {
      const began = performance.now();
      const page = await oldTokens(pool, activeEpoch, after, batch);
      after = page.at(-1) ?? after;
      if (page.length === 0 || this.#closed) break;
      left += page.length - (await this.#rewrap(page, activeEpoch));
      if (!(await this.#hold())) return false;
      await pause((page.length / perSecond) * 1_000 - (performance.now() - began));
    }
    if (this.failed > 0) log.error({ tokens: this.failed }, 'tokens that the HSM does not open were not rewrapped');
    return left === 0 && !this.#closed;
  }

  /** Answers how many of the tokens have the active epoch, or were changed by others, afterwards. */
  async #rewrap(page: readonly OldToken[], activeEpoch: number): Promise<number> {
    const { pool, announce } = this.#parts;
    const answers = await Promise.all(page.map((old) => this.#ask(old)));
    const rewrapped = answers.filter((one) => one !== undefined && epochOf(one.newToken) >= activeEpoch) as Rewrapped[];
    if (rewrapped.length === 0) return 0;
    const change = await transaction(pool, async (tx) => {
      const keys = await replaceTokens(tx, rewrapped);
      const cacheKeys = [...new Set(keys.map(({ account, id }) => keyCacheKey(account, id)))];
      return { replaced: keys.length, cacheKeys, sequence: await nextSequence(tx, cacheKeys) };
    });
    this.done += change.replaced;
    await announce(change);
    return rewrapped.length;
  }

  /** Undefined for a token that the HSM does not open: it is left as it is, and told of. */
  async #ask(old: OldToken): Promise<Rewrapped | undefined> {
    const { account, keyId, token } = old;
    try {
      const made = await this.#parts.hsm.request('rewrap', { key: { account, keyId, token } }, { timeoutMs: 20_000 });
      return { ...old, newToken: made.token };
    } catch (error) {
      if (asKeysteadError(error).code !== 'InvalidToken') throw error;
      this.failed++;
      this.#parts.log.error({ err: error, account, keyId, generation: old.generation }, 'a token cannot be rewrapped');
      return undefined;
    }
  }
}

const pause = (ms: number): Promise<void> => new Promise((later) => setTimeout(later, Math.max(0, ms)));
