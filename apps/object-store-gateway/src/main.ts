import { auditClient, outboxWorker } from '@keystead/audit';
import { openPool, requireSchemaVersion } from '@keystead/db';
import type { Pool } from '@keystead/db';
import { warmUp } from '@keystead/policy';
import { IamServiceClient } from '@keystead/proto/iam';
import { KmsServiceService } from '@keystead/proto/kms';
import {
  ConfigError,
  channelCredentials,
  channelOptions,
  isMain,
  lease,
  logger,
  metricsRegistry,
  pipelineClient,
  runService,
  serve,
  tlsIdentity,
} from '@keystead/service';
import { touched } from '@keystead/service/forget';
import type { Lease, Logger, Metrics, Running, TlsIdentity } from '@keystead/service';
import type { Backend } from './backend/backend.js';
import { directoryBackend } from './backend/directory/directory.js';
import { s3Backend } from './backend/s3/store.js';
import { access } from './clients/access.js';
import { bucketKeys } from './clients/bucket-keys.js';
import { dataKeys } from './clients/data-keys.js';
import { identity } from './clients/identity.js';
import { trailing } from './clients/trailing.js';
import { readConfig } from './config.js';
import type { BackendConfig, Config } from './config.js';
import type { Gateway } from './gateway.js';
import { testingService } from './grpc/testing.js';
import { handle } from './s3/handle.js';
import { meter } from './s3/http/meter.js';
import { refusals } from './s3/http/refusals.js';
import type { RequestHead } from './s3/http/request.js';
import { internalServer, publicServer } from './s3/http/server.js';
import { gatewayStore } from './store/gateway-store.js';
import { rebuildIndex } from './workers/rebuild.js';
import { holdIndex } from './workers/sole.js';
import { removeOrphans, sweeper } from './workers/sweep.js';

const NAME = 'object-store-gateway';
/** The migration that this program was written for. */
const SCHEMA_VERSION = 1;
/** Writes of objects leave records in the outbox all the time: many are delivered together. */
const OUTBOX_PAUSE_MS = 50;
/** How long clients may finish when the service stops. */
const GRACE_MS = 5_000;

/** A gateway that serves. */
export interface RunningGateway extends Running {
  /** host:port of public S3 (HTTP). */
  readonly s3Address: string;
  /** host:port of S3 for edge (mTLS). */
  readonly internalS3Address: string;
}

type Closers = (() => unknown)[];

/** Starts object-store-gateway, which does not serve before `prepared`. */
export async function start(config: Config, prepared?: Promise<void>): Promise<RunningGateway> {
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

async function compose(
  config: Config,
  closers: Closers,
  prepared?: Promise<void>,
): Promise<Omit<RunningGateway, 'close'>> {
  const log = logger(NAME, config.logLevel);
  const tls = tlsIdentity(config.tlsDir);
  closers.push(() => tls.close());
  const { gateway, callers, pool } = await parts(config, tls, log, closers);
  const refused = refusals(log);
  closers.push(() => refused.close());
  const metrics = metricsRegistry(NAME);
  const counted = meter(metrics);
  const handler = { gateway, identity: callers, refusals: refused, meter: counted };
  // Whatever goes wrong while an answer is written concerns one request, never the process.
  const serveHead = (head: RequestHead): Promise<void> =>
    handle(handler, head)
      .catch((err: unknown) => {
        log.error({ err, requestId: head.arrival.requestId }, 'a request could not be answered');
        head.response.destroy();
      })
      // The ciphers of its object held keys until now, however long the body took.
      .finally(touched);
  const intake = { domains: config.domains, serve: serveHead, refusals: refused, meter: counted };
  await prepared;
  const s3 = await publicServer(config.s3Listen, intake);
  closers.push(() => s3.close(GRACE_MS));
  const internal = await internalServer(config.internalS3Listen, tls, intake);
  closers.push(() => internal.close(GRACE_MS));
  const grpc = await serveGrpc(config, tls, gateway, pool, metrics);
  closers.push(() => grpc.close());
  const { address, opsAddress } = grpc;
  return { address, opsAddress, s3Address: s3.address, internalS3Address: internal.address };
}

async function parts(config: Config, tls: TlsIdentity, log: Logger, closers: Closers) {
  const now = (): Date => new Date();
  const { pool, sole, audit, outbox, trailing: ended } = await storage(config, tls, log, closers);
  const backend = await openBackend(config.backend);
  closers.push(() => backend.close());
  const kms = pipelineClient({
    method: KmsServiceService.pipeline,
    address: config.kmsAddress,
    tls,
    expected: 'kms-service',
    idempotent: ({ $case }) => $case === 'decrypt',
  });
  closers.push(() => kms.close());
  const subscriber = `${NAME}/${process.pid}`;
  const ofIam = lease({ address: config.iamAddress, tls, expected: 'iam-service', subscriber });
  const ofKms = lease({ address: config.kmsAddress, tls, expected: 'kms-service', subscriber });
  closers.push(() => ofKms.close());
  const callers = openIdentity(config, tls, ofIam);
  closers.push(() => callers.close());
  const keys = dataKeys(kms);
  const ofBuckets = bucketKeys(keys, [ofKms, ofIam]);
  closers.push(() => ofBuckets.close());
  const { region, tlsRule } = config;
  const gateway: Gateway = {
    ...{ region, tlsRule, backend, audit, trailing: ended, outbox, log, now },
    store: gatewayStore(pool, sole),
    dataKeys: keys,
    bucketKeys: ofBuckets,
    access: access(callers, region, now),
  };
  const sweeping = sweeper({ pool, backend, log });
  closers.push(() => sweeping.close());
  return { gateway, callers, pool };
}

async function storage(config: Config, tls: TlsIdentity, log: Logger, closers: Closers) {
  const { databaseUrl: url, databasePasswordFile: passwordFile, databaseConnections: max } = config;
  const onError = (err: Error): void => log.warn({ err }, 'database');
  // One more: the lock on the index has a connection of its own.
  const pool = openPool({ url, passwordFile, schema: 'gateway', max: max + 1, onError });
  closers.push(() => pool.end());
  await requireSchemaVersion(pool, SCHEMA_VERSION);
  const sole = await holdIndex({ pool, sole: config.sole, log });
  closers.push(() => sole.close());
  const audit = auditClient({ address: config.auditAddress, tls });
  closers.push(() => audit.close());
  const outbox = outboxWorker({
    pool,
    append: (record) => audit.append(record),
    pauseMs: OUTBOX_PAUSE_MS,
    failed: (err) => log.warn({ err }, 'the audit log does not take records'),
  });
  closers.push(() => outbox.close());
  const ended = trailing((record) => audit.append(record));
  closers.push(() => ended.close());
  return { pool, sole, audit, outbox, trailing: ended };
}

function openBackend(config: BackendConfig): Promise<Backend> | Backend {
  return config.kind === 'directory' ? directoryBackend(config.directory) : s3Backend(config.options);
}

function openIdentity({ iamAddress }: Config, tls: TlsIdentity, ofIam: Lease) {
  const iam = new IamServiceClient(iamAddress, channelCredentials(tls, 'iam-service'), channelOptions);
  return identity(iam, ofIam);
}

function serveGrpc(
  { listen, opsListen, testMode }: Config,
  tls: TlsIdentity,
  { backend, log, store }: Gateway,
  pool: Pool,
  metrics: Metrics,
) {
  const ready = async (): Promise<void> => {
    await pool.query('select 1');
    await backend.check();
  };
  const services = testMode ? [testingService(() => store.reset())] : [];
  return serve({ name: NAME, listen, opsListen, tls, services, ready, log, metrics });
}

export { readConfig };

/** What an operator may run beside the service, on the same settings: `node main.mjs rebuild-index`. */
const commands: Readonly<Record<string, (pool: Pool, backend: Backend, config: Config) => Promise<unknown>>> = {
  'rebuild-index': (pool, backend, { account }) => rebuildIndex(pool, backend, account),
  'remove-orphans': async (pool, backend) => ({ removed: await removeOrphans(pool, backend) }),
};

/** Runs one command and prints what it did as JSON; throws ConfigError for an unknown one. */
export async function runCommand(name: string, config: Config): Promise<void> {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) throw new ConfigError(`${name} is no command; there are ${Object.keys(commands).join(', ')}.`);
  const { databaseUrl: url, databasePasswordFile: passwordFile } = config;
  await using pool = openPool({ url, passwordFile, schema: 'gateway', max: 2 });
  await requireSchemaVersion(pool, SCHEMA_VERSION);
  const backend = await openBackend(config.backend);
  const report = await command(pool, backend, config).finally(() => backend.close());
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

if (isMain(import.meta.url)) {
  const [, , command] = process.argv;
  if (command === undefined) await runService(NAME, readConfig, (config) => start(config, warmUp()));
  else await runCommand(command, readConfig(process.env));
}
