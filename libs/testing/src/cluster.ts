import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as audit from '@keystead/audit-service/main';
import * as edge from '@keystead/edge/main';
import * as hsm from '@keystead/hsm-service/main';
import * as iam from '@keystead/iam-service/main';
import * as kms from '@keystead/kms-service/main';
import * as gateway from '@keystead/object-store-gateway/main';
import type { Running } from '@keystead/service';
import { newCredentials, region, type ClientConfig, type Credentials } from './credentials.js';
import { testDatabase, type DatabaseService, type TestDatabase } from './database.js';
import { freePort } from './free-port.js';
import { testPki, type TestPki } from './pki.js';

type Env = Readonly<Record<string, string>>;

/** Every service in this process, with real PostgreSQL, real mTLS and a directory for objects. */
export interface Cluster extends AsyncDisposable {
  /** edge: KMS, S3, IAM, STS, CloudTrail. */
  readonly endpoint: string;
  /** The gateway's own S3 port. */
  readonly s3Endpoint: string;
  /** host:port of gRPC, by service. */
  readonly addresses: Readonly<Record<string, string>>;
  /** host:port of kms-service for gRPC clients who sign. */
  readonly kmsCredentialsAddress: string;
  readonly credentials: Credentials;
  /** For AWS SDK clients, as the first administrator. */
  readonly clientConfig: ClientConfig;
  readonly pki: TestPki;
  readonly database: TestDatabase;
  /** Where the encrypted objects lie. */
  readonly objects: string;
  /** Stops one service; the others go on. */
  stop(service: string): Promise<void>;
  /** Starts a service that was stopped, on the same ports. */
  start(service: string): Promise<void>;
  /** Both, as after a crash. */
  restart(service: string): Promise<void>;
}

/** What a test may change. */
export interface ClusterOptions {
  /** More environment for services, by name. */
  readonly env?: Readonly<Record<string, Env>>;
}

interface App {
  readonly name: string;
  start(env: Env): Promise<Running>;
  readonly env: Env;
}

/** Boots the whole system for one test file, in about two seconds. */
export async function cluster(options: ClusterOptions = {}): Promise<Cluster> {
  const pki = await testPki();
  const database = await testDatabase('audit-service', 'kms-service', 'iam-service', 'object-store-gateway');
  const folder = mkdtempSync(join(tmpdir(), 'keystead-cluster-'));
  const credentials = newCredentials();
  const apps = await describe(pki, database, folder, credentials, options);
  const running = new Map<string, Running>();
  const stop = async (): Promise<void> => {
    for (const { name } of [...apps].reverse()) await running.get(name)?.close();
    await database[Symbol.asyncDispose]();
    pki[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    for (const app of apps) running.set(app.name, await app.start(app.env));
  } catch (error) {
    await stop();
    throw error;
  }
  const appOf = (service: string): App => {
    const app = apps.find(({ name }) => name === service);
    if (app === undefined) throw new Error(`there is no ${service}`);
    return app;
  };
  const stopOne = async (service: string): Promise<void> => {
    await running.get(appOf(service).name)?.close();
    running.delete(service);
  };
  const startOne = async (service: string): Promise<void> => {
    const app = appOf(service);
    running.set(service, await app.start(app.env));
  };
  const endpoint = `http://${running.get('edge')?.address ?? ''}`;
  return {
    endpoint,
    s3Endpoint: `http://${(running.get('object-store-gateway') as gateway.RunningGateway).s3Address}`,
    addresses: Object.fromEntries([...running].map(([name, { address }]) => [name, address])),
    kmsCredentialsAddress: (running.get('kms-service') as kms.RunningKms).credentialsAddress ?? '',
    credentials,
    clientConfig: { endpoint, region, credentials, forcePathStyle: true },
    pki,
    database,
    objects: join(folder, 'objects'),
    stop: stopOne,
    start: startOne,
    restart: async (service) => {
      await stopOne(service);
      await startOne(service);
    },
    [Symbol.asyncDispose]: stop,
  };
}

async function describe(
  pki: TestPki,
  database: TestDatabase,
  folder: string,
  credentials: Credentials,
  options: ClusterOptions,
): Promise<App[]> {
  const local = async (): Promise<string> => `127.0.0.1:${await freePort()}`;
  const at = {
    KEYSTEAD_AUDIT_ADDRESS: await local(),
    KEYSTEAD_HSM_ADDRESS: await local(),
    KEYSTEAD_KMS_ADDRESS: await local(),
    KEYSTEAD_IAM_ADDRESS: await local(),
    KEYSTEAD_GATEWAY_ADDRESS: await local(),
    KEYSTEAD_GATEWAY_S3_ADDRESS: await local(),
  };
  const app = async <Config>(
    name: string,
    { readConfig, start }: { readConfig: (env: Env) => Config; start: (config: Config) => Promise<Running> },
    own: Env,
  ): Promise<App> => ({
    name,
    start: (env) => start(readConfig(env)),
    env: {
      KEYSTEAD_LOG_LEVEL: process.env['TEST_LOG_LEVEL'] ?? 'silent',
      KEYSTEAD_TEST_MODE: '1',
      ...at,
      KEYSTEAD_TLS_DIR: await pki.dir(name),
      ...own,
      ...options.env?.[name],
    },
  });
  const stored = (service: DatabaseService): Env => ({
    KEYSTEAD_DATABASE_URL: database.of(service).url,
    KEYSTEAD_DATABASE_PASSWORD_FILE: database.of(service).passwordFile,
  });
  return [
    await app('audit-service', audit, { KEYSTEAD_LISTEN: at.KEYSTEAD_AUDIT_ADDRESS, ...stored('audit-service') }),
    await app('hsm-service', hsm, {
      KEYSTEAD_LISTEN: at.KEYSTEAD_HSM_ADDRESS,
      KEYSTEAD_ROOT_DIR: join(folder, 'root'),
      KEYSTEAD_ROOT_KEY_FILE: join(folder, 'root.key'),
    }),
    await app('kms-service', kms, {
      KEYSTEAD_LISTEN: at.KEYSTEAD_KMS_ADDRESS,
      KEYSTEAD_KMS_CREDENTIALS_LISTEN: await local(),
      ...stored('kms-service'),
    }),
    await app('iam-service', iam, {
      KEYSTEAD_LISTEN: at.KEYSTEAD_IAM_ADDRESS,
      ...stored('iam-service'),
      KEYSTEAD_ADMIN_ACCESS_KEY_ID: credentials.accessKeyId,
      KEYSTEAD_ADMIN_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    }),
    await app('object-store-gateway', gateway, {
      KEYSTEAD_LISTEN: at.KEYSTEAD_GATEWAY_ADDRESS,
      KEYSTEAD_S3_LISTEN: await local(),
      KEYSTEAD_INTERNAL_S3_LISTEN: at.KEYSTEAD_GATEWAY_S3_ADDRESS,
      ...stored('object-store-gateway'),
      KEYSTEAD_SOLE_GATEWAY: '1',
      KEYSTEAD_BACKEND: 'directory',
      KEYSTEAD_BACKEND_DIR: join(folder, 'objects'),
    }),
    await app('edge', edge, { KEYSTEAD_EDGE_LISTEN: await local() }),
  ];
}
