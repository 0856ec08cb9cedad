import { cloudTrailRecord, enqueue } from '@keystead/audit';
import { transaction, type Pool } from '@keystead/db';
import { KeysteadError } from '@keystead/errors';
import { DomainKeyState, type EpochTokens, type GetRootResponse } from '@keystead/proto/hsm';
import type { Logger } from '@keystead/service';
import type { HsmRoots } from '../clients/hsm-roots.js';
import { compareRoot, type SeenRoot } from '../domain/hsm-root.js';
import type { Governance } from '../domain/supersession.js';
import { keepGovernance, keepRoot, storedRoot, type StoredRoot } from '../store/hsm-root.js';
import { ceremonySource } from './ceremonies.js';
import { nobody } from './service-event.js';

/** What sharing the root works with. */
export interface ShareParts {
  readonly pool: Pool;
  readonly roots: HsmRoots;
  readonly log: Logger;
  readonly now: () => Date;
  readonly region: string;
  /** The account in whose log changes of the root are. */
  readonly account: string;
}

/** Tokens by epoch, counted in the database. */
export interface Count {
  readonly at: Date;
  readonly tokens: readonly EpochTokens[];
}

/**
 * Carries the sealed root of the HSM between its replicas. The writer makes generations; this process keeps the newest
 * one and hands it to those that are behind. A replica whose root does not fit is not used.
 */
export class SharedRoot {
  readonly #parts: ShareParts;
  readonly #refused = new Map<string, string>();
  #told = '';
  #activeEpoch = 0;

  constructor(parts: ShareParts) {
    this.#parts = parts;
  }

  /** The newest active epoch that a replica told of; 0 before. */
  get activeEpoch(): number {
    return this.#activeEpoch;
  }

  /** Before a replica is used: its root fits, or is brought up to date. Errors: KmsInvalidState for one that does not fit, Sealed without one. */
  async admit(address: string): Promise<void> {
    await this.#align(address);
  }

  /** Aligns all replicas, then tells the writer; rejects when one was refused. Errors: as admit. */
  async round(addresses: readonly string[], count: Count | undefined): Promise<void> {
    const seen = await Promise.allSettled(addresses.map((address) => this.#align(address)));
    const known = await storedRoot(this.#parts.pool);
    if (!known) return;
    const there = seen.flatMap((one, i) =>
      one.status === 'fulfilled' ? [{ address: addresses[i] as string, root: one.value }] : [],
    );
    const writer = there.find(({ root }) => root.writer);
    if (writer && there.every(({ root }) => root.isSealed || holds(root, known)))
      await this.#tell(writer.address, known, count);
  }

  /** The writer goes on with a rotation when it hears that nobody is without the new root. */
  async #tell(address: string, known: StoredRoot, counted: Count | undefined): Promise<void> {
    const { generation, hash } = known;
    const what = `${address} ${generation} ${Buffer.from(hash).toString('hex')}`;
    if (what === this.#told && !counted) return;
    await this.#parts.roots.report(address, { generation, hash, counted });
    this.#told = what;
  }

  /** Answers the root that the replica has afterwards. */
  async #align(address: string): Promise<GetRootResponse> {
    const { roots, pool } = this.#parts;
    const known = await storedRoot(pool);
    const seen = await roots.get(address, known);
    this.#note(seen);
    const verdict = compareRoot(known, seenRoot(seen));
    switch (verdict.kind) {
      case 'refuse':
        throw await this.#refuse(address, verdict.reason);
      case 'none':
        // The writer waits for its operators, and says so to every call; a replica waits for the writer.
        if (!seen.writer) throw new KeysteadError('Sealed', 'This replica of the HSM has no root yet.');
        break;
      case 'take':
        await this.#take(seen, known);
        break;
      case 'put':
        return this.#put(address, seen, known as StoredRoot);
      case 'same':
        if (known && !known.governance && !seen.isSealed) await keepGovernance(pool, known, governanceOf(seen));
        break;
      default:
    }
    this.#refused.delete(address);
    return seen;
  }

  async #take(seen: GetRootResponse, before: StoredRoot | undefined): Promise<void> {
    const [newest] = seen.generations;
    if (!newest || seen.sealedRoot.length === 0) throw new KeysteadError('Internal', 'The HSM sent no root file.');
    const { domainId: domain, sealedRoot } = seen;
    const governance = seen.isSealed ? undefined : governanceOf(seen);
    const root = { domain, sealedRoot, generation: newest.generation, hash: newest.fileHash, governance };
    const kept = await transaction(this.#parts.pool, async (tx) => {
      const done = await keepRoot(tx, root, before);
      if (done) await enqueue(tx, this.#record('HsmRootChanged', root));
      return done;
    });
    if (kept) this.#parts.log.info({ generation: String(root.generation) }, 'a new root of the HSM is kept');
  }

  /** A replica that is sealed takes it when it is unsealed: it is used for nothing before. */
  async #put(address: string, seen: GetRootResponse, known: StoredRoot): Promise<GetRootResponse> {
    if (seen.isSealed && seen.domainId.length > 0) return seen;
    await this.#parts.roots.put(address, known.sealedRoot);
    this.#parts.log.info({ address, generation: String(known.generation) }, 'a replica of the HSM got a newer root');
    const after = await this.#parts.roots.get(address, known);
    this.#note(after);
    return after;
  }

  #note({ domainKeys }: GetRootResponse): void {
    const active = domainKeys.find(({ state }) => state === DomainKeyState.DOMAIN_KEY_STATE_ACTIVE);
    if (active && active.epoch > this.#activeEpoch) this.#activeEpoch = active.epoch;
  }

  async #refuse(address: string, reason: string): Promise<KeysteadError> {
    const { log, pool } = this.#parts;
    if (this.#refused.get(address) !== reason) {
      this.#refused.set(address, reason);
      log.error({ address }, reason);
      await enqueue(pool, this.#record('HsmRootRefused', { reason, address }));
    }
    return new KeysteadError('KmsInvalidState', reason);
  }

  #record(eventName: string, about: Record<string, unknown>) {
    const { now, region, account } = this.#parts;
    const details = Object.entries(about).filter(([name]) => name !== 'sealedRoot' && name !== 'governance');
    return cloudTrailRecord(nobody, {
      ...{ at: now(), eventName, eventSource: ceremonySource, eventType: 'AwsServiceEvent' },
      ...{ readOnly: false, region, recipientAccount: account },
      serviceEventDetails: Object.fromEntries(details.map(([name, value]) => [name, text(value)])),
    });
  }
}

function text(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value);
}

function holds({ generations: [newest] }: GetRootResponse, { generation, hash }: StoredRoot): boolean {
  return newest?.generation === generation && Buffer.compare(newest.fileHash, hash) === 0;
}

function governanceOf({ operators, rules }: GetRootResponse): Governance {
  return {
    operators: operators.map(({ name, role, publicKey }) => ({ name, role, key: text(publicKey) })),
    rules: rules.map(({ command, role, count }) => ({ command, role, count })),
  };
}

function seenRoot({ domainId, generations, writer, superseded, ...seen }: GetRootResponse): SeenRoot {
  return {
    ...{ domain: domainId, writer },
    supersession: { command: seen.supersedingCommand, signatures: seen.supersedingSignatures },
    superseded: superseded && { generation: superseded.generation, hash: superseded.fileHash },
    generations: generations.map(({ generation, fileHash: hash, previousHash }) => ({
      ...{ generation, hash, previousHash },
    })),
  };
}
