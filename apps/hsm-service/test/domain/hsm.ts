import { AsymmetricEngine } from '../../src/domain/asymmetric.js';
import { DomainKeys } from '../../src/domain/domain-keys.js';
import { Engine } from '../../src/domain/engine.js';
import { Importer } from '../../src/domain/importer.js';
import { runJob, type Run } from '../../src/domain/jobs.js';
import { randomPool } from '../../src/domain/random-pool.js';
import { TokenCache } from '../../src/domain/token-cache.js';
import { sealToken, type TokenHeader } from '../../src/domain/token.js';
import { Transfer } from '../../src/domain/transfer.js';
import { KeyVault } from '../../src/domain/vault.js';
import { operations, type Engines, type Operations } from '../../src/grpc/operations.js';

export const domain = Buffer.alloc(16, 3);
export const account = '000000000000';
export const keyId = '1234abcd-12ab-34cd-56ef-1234567890ab';
export const startMs = 1_795_363_200_000;

/** Domain keys of three epochs: one destroyed, one old, one active. */
export const ring = (name = domain): DomainKeys =>
  new DomainKeys(name, [
    { epoch: 1, state: 'DESTROYED', createdMs: 0n, key: Buffer.alloc(0) },
    { epoch: 2, state: 'DECRYPT', createdMs: 0n, key: Buffer.alloc(32, 2) },
    { epoch: 3, state: 'ACTIVE', createdMs: 0n, key: Buffer.alloc(32, 3) },
  ]);

/** A token as the ring above makes it, whatever its header says. */
export function sealed(
  fields: Omit<TokenHeader, 'materialId' | 'domain' | 'epoch'>,
  material: Uint8Array,
  random: Uint8Array,
): Buffer {
  return sealToken(Buffer.alloc(32, 3), { ...fields, domain, epoch: 3 }, material, random);
}

/** The whole domain without a wire; all work is done in this thread. */
export interface TestHsm extends Engines {
  readonly wire: Operations;
  /** What time it is, in ms. */
  now: number;
}

const run: Run = async (name, args) => runJob(name, args);

export function testHsm(keys = ring(), maxEntries = 8, peers: ReadonlySet<string> = new Set()): TestHsm {
  const clock = { now: startMs };
  const random = randomPool();
  const cache = new TokenCache({ maxEntries, ttlMs: 60_000 }, () => performance.now());
  const vault = new KeyVault({ keys, cache, random, now: () => new Date(clock.now) });
  const engines: Engines = {
    ...{ vault, symmetric: new Engine(vault, random) },
    ...{ asymmetric: new AsymmetricEngine(vault, run), importer: new Importer(vault, run) },
    transfer: new Transfer(vault, run, peers),
  };
  return Object.assign(clock, engines, { wire: rejecting(operations(engines)) });
}

/** The operations as callers on the wire see them: what is refused at once comes as a rejection too. */
function rejecting(table: Operations): Operations {
  const all = Object.entries(table) as [string, (request: unknown) => unknown][];
  return Object.fromEntries(
    all.map(([name, operation]) => [name, async (request: unknown) => operation(request)]),
  ) as unknown as Operations;
}
