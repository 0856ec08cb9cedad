import {
  ConfigError,
  gauge,
  isMain,
  logger,
  metricsRegistry,
  mustNotBeWatched,
  runService,
  serve,
  spiffeId,
  tlsIdentity,
  type Environment,
  type GrpcServer,
  type Logger,
  type Metrics,
  type Running,
  type ServiceBinding,
  type TlsIdentity,
} from '@keystead/service';
import { KeysteadError } from '@keystead/errors';
import { availableParallelism } from 'node:os';
import { readConfig, type Config } from './config.js';
import { AsymmetricEngine } from './domain/asymmetric.js';
import { Ceremonies, type CeremonyNote } from './domain/ceremonies.js';
import { domainKeyCommands, type DomainKeyParts } from './domain/domain-key-commands.js';
import { DomainKeys, makeDomainKey } from './domain/domain-keys.js';
import { Engine } from './domain/engine.js';
import { Importer } from './domain/importer.js';
import { PartitionSet } from './domain/partition-set.js';
import { partitionCommands, Partitions } from './domain/partitions.js';
import { randomPool } from './domain/random-pool.js';
import { unlockByDevice } from './domain/new-recipient.js';
import type { DeviceUnlock } from './domain/recipients.js';
import { ROOT_COMMANDS } from './domain/root-commands.js';
import { RootError } from './domain/root-error.js';
import { RootReports } from './domain/root-reports.js';
import { RootWitness } from './domain/root-witness.js';
import { TokenCache } from './domain/token-cache.js';
import { Transfer } from './domain/transfer.js';
import { KeyVault } from './domain/vault.js';
import { adminService } from './grpc/admin.js';
import { ceremonyService } from './grpc/ceremonies.js';
import { cryptoService } from './grpc/crypto.js';
import { isMember, partitionService, type PartitionWork } from './grpc/partitions.js';
import { rootServices } from './grpc/root.js';
import { requireTls13 } from './grpc/tls-check.js';
import type { Engines } from './grpc/operations.js';
import { Pkcs11Device } from './pkcs11/device.js';
import { DeviceError } from './pkcs11/messages.js';
import { rootDevice } from './pkcs11/recipient.js';
import { Journal } from './store/journal.js';
import { LiveRoot } from './store/live-root.js';
import { openOrCreateRoot, openOrCreateRootByDevice, takeRoot } from './store/open-root.js';
import { noteRestore } from './store/restored.js';
import { cryptoPool, type CryptoPool } from './workers/pool.js';
import { Rotator } from './workers/rotate-domain-key.js';

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

/**
 * Serves, and opens the root if what opens it is configured; otherwise the HSM stays sealed until operators open it.
 * Throws ConfigError with one sentence if the root files or the certificate cannot be used.
 */
export async function start(config: Config): Promise<Running> {
  const log = logger('hsm-service', config.logLevel);
  const tls = ownIdentity(config);
  const cache = new TokenCache({ maxEntries: MAX_CACHED_TOKENS, ttlMs: CACHE_TTL_MS }, () => performance.now());
  const pool = cryptoPool({ threads: THREADS, generators: 1, maxWaiting: MAX_WAITING_JOBS });
  const keys = new DomainKeys();
  const wipe = (): void => {
    cache.clear();
    pool.wipe();
  };
  const { now } = config;
  const witness = new RootWitness(config.isWatched);
  const partitions = partitionSet(pool, config, witness);
  const sweep = setInterval(() => {
    cache.sweep();
    partitions.each((work) => work.cache.sweep());
  }, SWEEP_MS).unref();
  const device = await openDevice(config, log).catch((error: unknown) => {
    clearInterval(sweep);
    tls.close();
    throw error;
  });
  const makeKey: DomainKeyParts['makeKey'] = (epoch, createdMs) =>
    makeDomainKey(epoch, createdMs, config.keysInDevice ? device : undefined);
  const root = new LiveRoot({ directory: config.rootDir, keys, partitions, now, wipe, device, makeKey });
  const domainKeys = domainKeyParts(config, keys, makeKey);
  const rotator = new Rotator({ ...domainKeys, root, witness, now, log });
  const ticks = setInterval(() => tick(rotator, log), tickMs(config)).unref();
  const release = async (): Promise<void> => {
    clearInterval(sweep);
    clearInterval(ticks);
    root.seal();
    pool[Symbol.dispose]();
    tls.close();
    await device?.close();
  };
  try {
    await openAtStart(config, root, device, log);
    const journal = await openJournal(config.rootDir, now);
    const note = (ceremony: CeremonyNote): Promise<void> => journal.note(ceremony);
    const restored = (): Promise<void> => noteRestore(config.rootDir, root.file, note);
    await restored();
    const { writer, trustDomain } = config;
    const isName = (spiffe: string): boolean => isMember(spiffe, trustDomain);
    const commands = {
      ...ROOT_COMMANDS,
      ...domainKeyCommands(domainKeys),
      ...partitionCommands(writer, isName),
    };
    const opener = device && rootDevice(device);
    const ceremonies = new Ceremonies({
      root,
      now,
      note,
      commands,
      writer,
      witness,
      noteRestore: restored,
      device: opener,
    });
    const officers = new Partitions({ root, set: partitions, writer, now, note });
    const services = [
      ...[cryptoService(engines(keys, cache, pool, config)), adminService(root, keys)],
      ...rootServices({
        ...{ root, witness, reports: domainKeys.reports, writer: config.writer, policy: config.rotation },
        take: (bytes) => take(root, bytes, config, device),
        proceed: () => rotator.proceed(),
      }),
      ceremonyService({ root, witness, ceremonies, journal }),
      partitionService({ set: partitions, partitions: officers, trustDomain }),
    ];
    const server = await listen(config, tls, { root, keys, device }, services, log);
    return { address: server.address, opsAddress: server.opsAddress, close: () => server.close().finally(release) };
  } catch (error) {
    await release();
    throw error;
  }
}

function engines(keys: DomainKeys, cache: TokenCache, { run }: CryptoPool, { transferPeers, now }: Config): Engines {
  const random = randomPool();
  const vault = new KeyVault({ keys, cache, random, now });
  return {
    ...{ vault, symmetric: new Engine(vault, random) },
    ...{ asymmetric: new AsymmetricEngine(vault, run), importer: new Importer(vault, run) },
    transfer: new Transfer(vault, run, transferPeers),
  };
}

/** A few hundred keys of a tenant at a time are opened without asking GCM-SIV. */
const MAX_CACHED_IN_PARTITION = 256;

/** Every partition has keys, a cache and engines of its own; only the threads are everybody's. */
function partitionSet(pool: CryptoPool, config: Config, witness: RootWitness): PartitionSet<PartitionWork> {
  const make = (): { keys: DomainKeys; work: PartitionWork } => {
    const keys = new DomainKeys();
    const limits = { maxEntries: MAX_CACHED_IN_PARTITION, ttlMs: CACHE_TTL_MS };
    const cache = new TokenCache(limits, () => performance.now());
    return { keys, work: { engines: engines(keys, cache, pool, config), random: randomPool(), cache } };
  };
  return new PartitionSet(
    make,
    ({ cache }) => cache.clear(),
    () => witness.mustBeNewest(),
  );
}

/** What changes domain keys. */
function domainKeyParts(
  { rotation: policy, writer }: Config,
  keys: DomainKeys,
  makeKey: DomainKeyParts['makeKey'],
): DomainKeyParts {
  const reports = new RootReports(() => performance.now());
  return { policy, reports, writer, makeKey, identity: () => keys.transferIdentity() };
}

/** Often enough for the configured period, at most once a minute. */
function tickMs({ rotation: { periodMs } }: Config): number {
  return periodMs === 0 ? 60_000 : Math.min(60_000, Math.max(50, periodMs / 4));
}

function tick(rotator: Rotator, log: Logger): void {
  rotator.tick().catch((error: unknown) => log.error({ err: error }, 'the domain key could not be rotated'));
}

/** The certificate; refused if it is another service's, whose clients would never accept us. */
function ownIdentity({ tlsDir, trustDomain }: Config): TlsIdentity {
  const tls = tlsIdentity(tlsDir);
  const wanted = spiffeId(trustDomain, { kind: 'service', name: 'hsm-service' });
  if (tls.current.spiffe === wanted) return tls;
  tls.close();
  throw new ConfigError(`${tlsDir}: tls.crt names ${tls.current.spiffe}, and ${wanted} is needed.`);
}

/** Opens the root by the configured file. A file that does not open it leaves the HSM sealed, as it must be able to wait. */
async function openAtStart(
  config: Config,
  root: LiveRoot,
  device: Pkcs11Device | undefined,
  log: Logger,
): Promise<void> {
  const { unlock, writer } = config;
  try {
    const created = await openBy(config, root, device, log);
    const { domain, generation } = root.file?.header ?? {};
    const state = {
      condition: root.condition,
      domain: domain?.toString('hex'),
      generation: String(generation),
      created,
    };
    log.info(state, 'root');
  } catch (error) {
    if (!mendedByOperators(error) || root.condition === 'UNINITIALIZED') throw asConfigError(error);
    log.error(`The HSM stays sealed: ${error.message}`);
  }
  if (root.damaged.length > 0)
    log.error({ damaged: root.damaged.map(String) }, 'root generations passed over: damaged');
  if (root.condition === 'UNINITIALIZED' && !writer) log.info('this replica waits for the root from kms-service');
  if (unlock?.kind === 'KEYFILE')
    log.warn(`The root opens by the key file ${unlock.path}: who has it and the root file can open every token.`);
}

/** By the file, or where that does not open the root any more, by the device. True if the root was made. */
async function openBy(
  { unlock, writer, deviceUnseals }: Config,
  root: LiveRoot,
  device: Pkcs11Device | undefined,
  log: Logger,
): Promise<boolean> {
  const opener = device && deviceUnseals ? rootDevice(device) : undefined;
  if (!unlock) return opener ? openOrCreateRootByDevice(root, opener, writer) : root.look().then(() => false);
  try {
    return await openOrCreateRoot(root, unlock, writer);
  } catch (error) {
    if (!opener || root.condition !== 'SEALED' || !mendedByOperators(error)) throw error;
    log.warn(`${error.message} The device is tried.`);
    return openOrCreateRootByDevice(root, opener, writer);
  }
}

/** Takes over a root that another replica made, which the file opens or the device. */
async function take(
  root: LiveRoot,
  bytes: Buffer,
  { unlock, deviceUnseals }: Config,
  device: Pkcs11Device | undefined,
): Promise<void> {
  const byDevice = async (): Promise<DeviceUnlock | undefined> =>
    device && deviceUnseals ? unlockByDevice(rootDevice(device)) : undefined;
  if (!unlock) return root.take(bytes, byDevice);
  await takeRoot(root, bytes, unlock).catch((error: unknown) => {
    if (!device || !deviceUnseals || !mendedByOperators(error)) throw error;
    return root.take(bytes, byDevice);
  });
}

/**
 * The device; one that is away is waited for where the root needs it for nothing at the start. Throws ConfigError with one
 * sentence if it cannot be used.
 */
async function openDevice({ pkcs11, unlock, keysInDevice }: Config, log: Logger): Promise<Pkcs11Device | undefined> {
  if (!pkcs11) return undefined;
  const events = {
    away: (reason: string) => log.error(`The HSM's device is away: ${reason}`),
    here: () => log.info("The HSM's device is back."),
  };
  try {
    const device = await Pkcs11Device.open(pkcs11, events);
    log.info(await device.name(), 'PKCS#11 token');
    return device;
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    if (error.problem === 'away' && unlock && !keysInDevice) return Pkcs11Device.awaited(pkcs11, events, error.message);
    throw new ConfigError(error.message);
  }
}

async function openJournal(directory: string, now: () => Date): Promise<Journal> {
  return Journal.open(directory, now).catch((error: unknown) => {
    throw asConfigError(error);
  });
}

/** Whether somebody can still open this root. */
function mendedByOperators(error: unknown): error is RootError {
  return error instanceof RootError && (error.problem === 'wrong-secret' || error.problem === 'unsupported');
}

function asConfigError(error: unknown): unknown {
  const told = error instanceof RootError || error instanceof KeysteadError || isSystemError(error);
  return told ? new ConfigError(error.message) : error;
}

async function listen(
  config: Config,
  tls: TlsIdentity,
  state: HsmState,
  services: readonly ServiceBinding[],
  log: Logger,
): Promise<GrpcServer> {
  const server = await serve({
    ...{ name: 'hsm-service', listen: config.listen, opsListen: config.opsListen, tls, log },
    services,
    ready: () => mustWork(state),
    metrics: metricsOf(state.device),
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

function metricsOf(device: Pkcs11Device | undefined): Metrics {
  const metrics = metricsRegistry('hsm-service');
  if (device)
    gauge(metrics, 'keystead_hsm_device_up', '1 while it answers.', 'device', () => [['pkcs11', +device.isHere]]);
  return metrics;
}

/** What the HSM needs to work. */
interface HsmState {
  readonly root: LiveRoot;
  readonly keys: DomainKeys;
  readonly device: Pkcs11Device | undefined;
}

/** A sealed HSM, or one whose keys lie in a device that is away, lives and is not ready. */
function mustWork({ root, keys, device }: HsmState): void {
  if (root.condition !== 'OPEN') throw new KeysteadError('Sealed', 'The HSM is sealed.');
  if (device?.isHere === false && keys.inDevice(keys.activeEpoch))
    throw new KeysteadError('Unavailable', "The HSM's device is away.");
}

/** A file that cannot be read or written; its message names the file. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}

export { readConfig };

if (isMain(import.meta.url)) {
  const readHardened = (env: Environment): Config => {
    mustNotBeWatched(env, process.execArgv);
    return readConfig(env);
  };
  await runService('hsm-service', readHardened, start);
}
