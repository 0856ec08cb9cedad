import {
  ConfigError,
  isMain,
  logger,
  runService,
  serve,
  spiffeId,
  tlsIdentity,
  type GrpcServer,
  type Logger,
  type Running,
  type TlsIdentity,
} from '@keystead/service';
import { availableParallelism } from 'node:os';
import { readConfig, type Config } from './config.js';
import { AsymmetricEngine } from './domain/asymmetric.js';
import { Engine } from './domain/engine.js';
import { Importer } from './domain/importer.js';
import { randomPool } from './domain/random-pool.js';
import { RootError } from './domain/root-error.js';
import { TokenCache } from './domain/token-cache.js';
import { Transfer } from './domain/transfer.js';
import { KeyVault } from './domain/vault.js';
import { adminService } from './grpc/admin.js';
import { cryptoService } from './grpc/crypto.js';
import { requireTls13 } from './grpc/tls-check.js';
import type { Engines } from './grpc/operations.js';
import { openOrCreateRoot, type OpenedRoot } from './store/open-root.js';
import { cryptoPool, type CryptoPool } from './workers/pool.js';

/** About a kilobyte each for symmetric keys, up to ten for key pairs, which OpenSSL holds as well. */
const MAX_CACHED_TOKENS = 4096;
// Together less than the minute that material may stay in memory unused.
const CACHE_TTL_MS = 50_000;
const SWEEP_MS = 5_000;
/** One core is left to the event loop. */
const THREADS = Math.max(1, availableParallelism() - 1);
const MAX_WAITING_JOBS = 1_024;
/** A frame of calls has at most 64 KiB, the largest single call far less. */
const MAX_RECEIVE_BYTES = 128 << 10;

/** Opens the root and serves. Throws ConfigError with one sentence if the root or the certificate cannot be used. */
export async function start(config: Config): Promise<Running> {
  const log = logger('hsm-service', config.logLevel);
  const tls = ownIdentity(config);
  const root = await openRoot(config, log).catch((error: unknown) => {
    tls.close();
    throw error;
  });
  const cache = new TokenCache({ maxEntries: MAX_CACHED_TOKENS, ttlMs: CACHE_TTL_MS }, () => performance.now());
  const pool = cryptoPool({ threads: THREADS, generators: 1, maxWaiting: MAX_WAITING_JOBS });
  const sweep = setInterval(() => cache.sweep(), SWEEP_MS).unref();
  const release = (): void => {
    clearInterval(sweep);
    pool[Symbol.dispose]();
    cache.clear();
    root.keys.close();
    tls.close();
  };
  try {
    const server = await listen(config, tls, root, engines(root, cache, pool, config), log);
    return { address: server.address, opsAddress: server.opsAddress, close: () => server.close().finally(release) };
  } catch (error) {
    release();
    throw error;
  }
}

function engines({ keys }: OpenedRoot, cache: TokenCache, { run }: CryptoPool, { transferPeers }: Config): Engines {
  const random = randomPool();
  const vault = new KeyVault({ keys, cache, random, now: () => new Date() });
  return {
    ...{ vault, symmetric: new Engine(vault, random) },
    ...{ asymmetric: new AsymmetricEngine(vault, run), importer: new Importer(vault, run) },
    transfer: new Transfer(vault, run, transferPeers),
  };
}

/** The certificate; refused if it is another service's, whose clients would never accept us. */
function ownIdentity({ tlsDir, trustDomain }: Config): TlsIdentity {
  const tls = tlsIdentity(tlsDir);
  const wanted = spiffeId(trustDomain, { kind: 'service', name: 'hsm-service' });
  if (tls.current.spiffe === wanted) return tls;
  tls.close();
  throw new ConfigError(`${tlsDir}: tls.crt names ${tls.current.spiffe}, and ${wanted} is needed.`);
}

async function openRoot({ rootDir, unlock }: Config, log: Logger): Promise<OpenedRoot> {
  const root = await openOrCreateRoot(rootDir, unlock, new Date()).catch((error: unknown) => {
    throw error instanceof RootError || isSystemError(error) ? new ConfigError(error.message) : error;
  });
  const { generation } = root.file.header;
  log.info(
    { domain: root.file.header.domain.toString('hex'), generation: String(generation), created: root.created },
    'root open',
  );
  if (root.damaged.length > 0)
    log.error({ damaged: root.damaged.map(String) }, 'root generations passed over: damaged');
  if (unlock.kind === 'KEYFILE')
    log.warn(`The root opens by the key file ${unlock.path}: who has it and the root file can open every token.`);
  return root;
}

async function listen(
  config: Config,
  tls: TlsIdentity,
  root: OpenedRoot,
  made: Engines,
  log: Logger,
): Promise<GrpcServer> {
  const server = await serve({
    ...{ name: 'hsm-service', listen: config.listen, opsListen: config.opsListen, tls, log },
    services: [cryptoService(made), adminService(root)],
    maxReceiveBytes: MAX_RECEIVE_BYTES,
  });
  try {
    await requireTls13(server.address, tls);
    return server;
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** A file that cannot be read or written; its message names the file. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}

export { readConfig };

if (isMain(import.meta.url)) await runService('hsm-service', readConfig, start);
