import { auditClient, outboxWorker, type AuditClient } from '@keystead/audit';
import { openPool, requireSchemaVersion } from '@keystead/db';
import { warmUp } from '@keystead/policy';
import { ChangeServiceService } from '@keystead/proto/common';
import {
  gauge,
  isMain,
  lease,
  LeaseHub,
  logger,
  metricsRegistry,
  runService,
  serve,
  tlsIdentity,
  type Authenticate,
  type Lease,
  type Logger,
  type Metrics,
  type Running,
  type TlsIdentity,
} from '@keystead/service';
import { grpcSigners, refusals, signingKeySource } from '@keystead/service/signing';
import { grantTokens } from './clients/grant-tokens.js';
import { ceremonyJournals } from './clients/ceremonies.js';
import { hsmClient, type HsmClient } from './clients/hsm.js';
import { hsmRoots } from './clients/hsm-roots.js';
import { principalsClient } from './clients/principals.js';
import { readConfig, type Config } from './config.js';
import type { Environment } from './grpc/environment.js';
import { adminService } from './grpc/explain.js';
import { kmsService } from './grpc/service.js';
import { testingService } from './grpc/testing.js';
import { currentSequence } from './store/changes.js';
import { committer } from './store/commit.js';
import { keyDirectory } from './store/key-directory.js';
import { keyStore } from './store/key-store.js';
import { Replica } from './store/replica.js';
import { deleteUsersKeys } from './store/reset.js';
import { deliverFromAll } from './workers/ceremonies.js';
import { deleteDue } from './workers/delete.js';
import { expireDue } from './workers/expire.js';
import { every } from './workers/loop.js';
import { keyUses } from './workers/key-uses.js';
import { ensureS3Key, ensureServiceKeys, type Maker } from './workers/managed-keys.js';
import { Rewrapper } from './workers/rewrap.js';
import { rotateDue } from './workers/rotate.js';
import { SharedRoot, type Count } from './workers/share-root.js';

/** The migration that this program was written for. */
const schemaVersion = 6;
/** How long a start waits for hsm-service: the very first one makes the services' keys. */
const hsmPatienceMs = 20_000;

/** Between two looks for what operators did with the root of trust. */
const ceremonyMs = 1_000;

type Closers = (() => unknown)[];

/** kms-service at work. */
export interface RunningKms extends Running {
  /** host:port for callers who sign, when that is offered. */
  readonly credentialsAddress: string | undefined;
}

/** Starts kms-service, which does not serve before `prepared`; resolves when it serves and the keys of the services exist. */
export async function start(config: Config, prepared?: Promise<void>): Promise<RunningKms> {
  const closers: Closers = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    return { ...(await compose(config, closers, prepared)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function compose(config: Config, closers: Closers, prepared?: Promise<void>): Promise<Omit<RunningKms, 'close'>> {
  const log = logger('kms-service', config.logLevel);
  const tls = tlsIdentity(config.tlsDir);
  closers.push(() => tls.close());
  const audit = auditClient({ address: config.auditAddress, tls });
  closers.push(() => audit.close());
  const storage = await openStorage(config, log, audit, closers);
  const { region, now } = config;
  const roots = hsmRoots(tls);
  closers.push(() => roots.close());
  const shared = new SharedRoot({ pool: storage.pool, roots, log, now, region, account: config.account });
  const hsm = hsmClient({ address: config.hsmAddress, tls, admit: (address) => shared.admit(address) });
  closers.push(() => hsm.close());
  const maker: Maker = { region, now, hsm, store: storage.store, commit: storage.commit };
  await hsm.waitForReady(hsmPatienceMs);
  await ensureServiceKeys(maker);
  startWorkers(config, maker, log, closers);
  const metrics = metricsRegistry('kms-service');
  startRewrapping(config, storage, shared, hsm, log, metrics, closers);
  const journals = ceremonyJournals(tls);
  closers.push(() => journals.close());
  const delivery = every(ceremonyMs, 'ceremonies', log, () =>
    deliverFromAll(hsm.addresses, journals, { audit, region }),
  );
  closers.push(() => delivery.close());
  const iam = { address: config.iamAddress, tls };
  const changes = lease({ ...iam, expected: 'iam-service', subscriber: `kms-service/${process.pid}` });
  closers.push(() => changes.close());
  const principals = principalsClient({ ...iam, changes });
  closers.push(() => principals.close());
  const s3ManagedKey = (account: string): Promise<string> => ensureS3Key(maker, account);
  const { directory } = storage;
  const tokens = grantTokens({ hsm, directory });
  const uses = keyUses(
    (some) => storage.store.saveUses(some),
    (err) => log.warn({ err }, 'uses of keys wait to be written down'),
  );
  closers.push(() => uses.close());
  const lastUsage: Environment['lastUsage'] = async (account, keyId) => {
    await uses.flush();
    return storage.store.lastUsage(account, keyId);
  };
  const asked = { principals, grantTokens: tokens, audit, s3ManagedKey, keyUses: uses, lastUsage };
  const environment = { ...maker, directory, ...asked, log };
  const signers = config.credentialsListen === undefined ? undefined : openSigners(config, tls, changes, log, closers);
  await prepared;
  return listen(config, tls, log, metrics, storage, environment, signers, closers);
}

/** Who may call without a certificate: holders of access keys and session tokens. */
function openSigners(
  { iamAddress, region }: Config,
  tls: TlsIdentity,
  changes: Lease,
  log: Logger,
  closers: Closers,
): Authenticate {
  const keys = signingKeySource({ address: iamAddress, tls, changes });
  const counted = refusals(log);
  closers.push(
    () => keys.close(),
    () => counted.close(),
  );
  return grpcSigners({ keys, service: 'kms', region, refusals: counted });
}

type Storage = Awaited<ReturnType<typeof openStorage>>;

/** The database and what keeps memory honest about it. */
async function openStorage(config: Config, log: Logger, audit: AuditClient, closers: Closers) {
  const { databaseUrl: url, databasePasswordFile: passwordFile } = config;
  const pool = openPool({ url, passwordFile, schema: 'kms', onError: (err) => log.warn({ err }, 'database') });
  closers.push(() => pool.end());
  await requireSchemaVersion(pool, schemaVersion);
  const outbox = outboxWorker({
    pool,
    append: (record) => audit.append(record),
    failed: (err) => log.warn({ err }, 'the audit log does not take records'),
  });
  closers.push(() => outbox.close());
  const replica = new Replica(pool, log);
  closers.push(() => replica.close());
  await replica.start();
  const hub = new LeaseHub({ sequence: () => currentSequence(pool), replicas: config.replicas, log });
  closers.push(() => hub.close());
  const store = keyStore(pool);
  const directory = keyDirectory(store, replica);
  closers.push(() => directory.close());
  const commits = committer({ store, outbox, replica, hub });
  const reset = async (): Promise<void> => commits.announce(await deleteUsersKeys(pool));
  const { commit, announce } = commits;
  return { pool, store, directory, hub, reset, commit, announce, ready: () => currentSequence(pool) };
}

function startWorkers(config: Config, maker: Maker, log: Logger, closers: Closers): void {
  for (const [name, work] of Object.entries({ rotate: rotateDue, delete: deleteDue, expire: expireDue })) {
    const loop = every(config.workerMs, name, log, () => work(maker, config.now()));
    closers.push(() => loop.close());
  }
}

/** Replicas of the HSM have one root; tokens follow its domain keys. */
function startRewrapping(
  config: Config,
  { pool, announce }: Storage,
  shared: SharedRoot,
  hsm: HsmClient,
  log: Logger,
  metrics: Metrics,
  closers: Closers,
): void {
  const { now, rewrapPerSecond: perSecond, closeAfterMs } = config;
  const rewrapper = new Rewrapper({ pool, hsm, log, now, announce, perSecond, closeAfterMs });
  gauge(metrics, 'keystead_key_tokens', 'Key tokens by epoch of their domain key.', 'epoch', () => rewrapper.tokens);
  gauge(
    metrics,
    'keystead_rewrap_tokens',
    'Tokens rewrapped by this process, and not opened in the last pass.',
    'how',
    () => [
      ['rewrapped', rewrapper.done],
      ['failed', rewrapper.failed],
    ],
  );
  let count: Count | undefined;
  const sharing = every(config.rootMs, 'share-root', log, async () => {
    await shared.round(hsm.addresses, count);
    count = undefined;
  });
  const rewrapping = every(config.workerMs, 'rewrap', log, async () => {
    count = await rewrapper.round(shared.activeEpoch);
  });
  closers.push(async () => {
    rewrapper.close();
    await Promise.all([sharing.close(), rewrapping.close()]);
  });
}

async function listen(
  config: Config,
  tls: TlsIdentity,
  log: Logger,
  metrics: Metrics,
  storage: Storage,
  environment: Environment,
  authenticate: Authenticate | undefined,
  closers: Closers,
): Promise<Omit<RunningKms, 'close'>> {
  const kms = kmsService(environment);
  const services = [
    kms,
    adminService(environment),
    { definition: ChangeServiceService, implementation: { watch: storage.hub.watch } },
    ...(config.testMode ? [testingService(storage.reset)] : []),
  ];
  const ready = async (): Promise<void> => {
    await storage.ready();
    await environment.hsm.waitForReady(500);
  };
  const { listen: address, opsListen, credentialsListen } = config;
  const signed = credentialsListen && authenticate && { listen: credentialsListen, services: [kms], authenticate };
  const base = { name: 'kms-service', listen: address, opsListen, tls, services, ready, log, metrics };
  const server = await serve({ ...base, signed: signed || undefined });
  closers.push(() => server.close());
  return { address: server.address, opsAddress: server.opsAddress, credentialsAddress: server.signedAddress };
}

export { readConfig };

if (isMain(import.meta.url)) await runService('kms-service', readConfig, (config) => start(config, warmUp()));
