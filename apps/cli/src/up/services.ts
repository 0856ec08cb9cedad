import { join } from 'node:path';
import { databaseName, roleOf, type DatabaseService } from '../database.js';
import type { DataFolder } from '../data-folder.js';
import { bundleOf } from '../home.js';
import type { UpOptions } from './options.js';
import type { Ports } from './ports.js';
import type { ServiceSpec } from './service-process.js';

/** How many free ports the services need: gRPC of four, the gateway's internal S3, operations of six, PostgreSQL. */
export const freePorts = 12;

/** What the services are configured from. */
export interface Installation {
  readonly options: UpOptions;
  readonly folder: DataFolder;
  readonly ports: Ports;
  readonly postgresPort: number;
  /** The environment of the launcher. */
  readonly env: NodeJS.ProcessEnv;
}

/** The file with the password of a service's database role. */
export function passwordFileOf(folder: DataFolder, service: DatabaseService): string {
  return join(folder.secrets, `${service}.database-password`);
}

const local = (port: number | undefined): string => `127.0.0.1:${port ?? 0}`;

/**
 * The services in the order in which they start, in waves of those that do not wait for each other:
 * appending to the log needs only its database, everything else needs the log.
 */
export function serviceWaves(installation: Installation): ServiceSpec[][] {
  const { options, folder, ports, env } = installation;
  const [audit, hsm, iam, gateway, internalS3, ...ops] = ports.free;
  const at = {
    KEYSTEAD_AUDIT_ADDRESS: local(audit),
    KEYSTEAD_HSM_ADDRESS: local(hsm),
    KEYSTEAD_KMS_ADDRESS: `${clientHost(options.host)}:${ports.kms}`,
    KEYSTEAD_IAM_ADDRESS: local(iam),
    KEYSTEAD_GATEWAY_ADDRESS: local(gateway),
    KEYSTEAD_GATEWAY_S3_ADDRESS: local(internalS3),
  };
  let nextOps = 0;
  const service = (name: string, own: Record<string, string | undefined>): ServiceSpec => ({
    name,
    script: bundleOf(name),
    logFile: join(folder.logs, `${name}.log`),
    env: defined({
      ...passedOn(env),
      ...at,
      KEYSTEAD_SUPERVISED: '1',
      KEYSTEAD_TLS_DIR: folder.tls(name),
      KEYSTEAD_TRUST_DOMAIN: options.trustDomain,
      KEYSTEAD_REGION: options.region,
      KEYSTEAD_OPS_LISTEN: local(ops[nextOps++]),
      ...own,
    }),
  });
  const database = (name: DatabaseService): Record<string, string> => ({
    KEYSTEAD_DATABASE_URL: `postgresql://${roleOf(name)}@${local(installation.postgresPort)}/${databaseName}`,
    KEYSTEAD_DATABASE_PASSWORD_FILE: passwordFileOf(folder, name),
  });
  const host = bracketed(options.host);
  return [
    [
      service('audit-service', { KEYSTEAD_LISTEN: local(audit), ...database('audit-service') }),
      service('hsm-service', {
        KEYSTEAD_LISTEN: local(hsm),
        KEYSTEAD_ROOT_DIR: folder.root,
        ...rootSettings(env),
        ...rootSecret(installation),
      }),
    ],
    [
      service('kms-service', {
        KEYSTEAD_LISTEN: `${host}:${ports.kms}`,
        KEYSTEAD_KMS_CREDENTIALS_LISTEN: `${host}:${ports.kmsCredentials}`,
        ...database('kms-service'),
      }),
    ],
    [
      service('iam-service', {
        KEYSTEAD_LISTEN: local(iam),
        ...database('iam-service'),
        KEYSTEAD_ADMIN_CREDENTIALS_FILE: folder.adminCredentials,
        KEYSTEAD_ADMIN_ACCESS_KEY_ID: env['KEYSTEAD_ADMIN_ACCESS_KEY_ID'],
        KEYSTEAD_ADMIN_SECRET_ACCESS_KEY: env['KEYSTEAD_ADMIN_SECRET_ACCESS_KEY'],
      }),
      service('object-store-gateway', {
        KEYSTEAD_LISTEN: local(gateway),
        KEYSTEAD_S3_LISTEN: `${host}:${ports.s3}`,
        KEYSTEAD_INTERNAL_S3_LISTEN: local(internalS3),
        ...database('object-store-gateway'),
        KEYSTEAD_SOLE_GATEWAY: '1',
        ...backend(installation),
      }),
    ],
    [
      service('edge', {
        KEYSTEAD_EDGE_LISTEN: `${host}:${ports.edge}`,
        KEYSTEAD_EDGE_TLS_CERT: options.tls ? join(folder.tls('endpoint'), 'tls.crt') : undefined,
        KEYSTEAD_EDGE_TLS_KEY: options.tls ? join(folder.tls('endpoint'), 'tls.key') : undefined,
      }),
    ],
  ];
}

/** What opens the root at the start. */
function rootSecret({ options, folder }: Installation): Record<string, string> {
  if (options.manualUnseal) return { KEYSTEAD_PKCS11_UNSEAL: 'manual' };
  if (options.device) return { KEYSTEAD_PKCS11_UNSEAL: 'start' };
  if (options.passphraseFile !== undefined) return { KEYSTEAD_ROOT_PASSPHRASE_FILE: options.passphraseFile };
  return { KEYSTEAD_ROOT_KEY_FILE: folder.rootKeyFile };
}

/** Settings of the root of trust, and what the vendor's library of a PKCS#11 device reads from its environment. */
function rootSettings(env: NodeJS.ProcessEnv): Record<string, string | undefined> {
  const ours = Object.keys(env).filter((name) => /^KEYSTEAD_(PKCS11|DOMAIN_KEY|TRANSFER)_?/.test(name));
  const library = (env['KEYSTEAD_PKCS11_ENV'] ?? '').split(',').map((name) => name.trim());
  return Object.fromEntries([...ours, 'SOFTHSM2_CONF', ...library].map((name) => [name, env[name]]));
}

function backend({ options, folder, env }: Installation): Record<string, string | undefined> {
  // Unset: off for clients on this machine. A harness in a container has none of those, and tests no certificates.
  const rule = options.requireTls ? '1' : env['KEYSTEAD_TEST_MODE'] === '1' ? '0' : undefined;
  const requireTls = { KEYSTEAD_REQUIRE_TLS: rule, KEYSTEAD_BACKEND: options.backend };
  if (options.backend === 'directory') return { ...requireTls, KEYSTEAD_BACKEND_DIR: folder.objects };
  return {
    ...requireTls,
    KEYSTEAD_S3_ENDPOINT: options.s3Endpoint,
    KEYSTEAD_S3_ACCESS_KEY_ID: env['KEYSTEAD_S3_ACCESS_KEY_ID'],
    KEYSTEAD_S3_SECRET_ACCESS_KEY: env['KEYSTEAD_S3_SECRET_ACCESS_KEY'],
    KEYSTEAD_S3_REGION: env['KEYSTEAD_S3_REGION'],
    KEYSTEAD_S3_BUCKET_PREFIX: env['KEYSTEAD_S3_BUCKET_PREFIX'],
  };
}

/** What every service may know of the launcher's environment; no credentials are among it. */
function passedOn(env: NodeJS.ProcessEnv): Record<string, string | undefined> {
  const names = [
    'PATH',
    'HOME',
    'TZ',
    'KEYSTEAD_LOG_LEVEL',
    'KEYSTEAD_TEST_MODE',
    'NODE_EXTRA_CA_CERTS',
    'UV_THREADPOOL_SIZE',
  ];
  const telemetry = Object.keys(env).filter((name) => name.startsWith('OTEL_'));
  return Object.fromEntries([...names, ...telemetry].map((name) => [name, env[name]]));
}

function defined(record: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(record).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/** The address at which a process of this machine reaches what listens on `host`. */
export function clientHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return bracketed(host);
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** Where each service answers gRPC. */
export function addressesOf(waves: readonly (readonly ServiceSpec[])[]): Record<string, string> {
  return Object.fromEntries(
    waves.flat().flatMap(({ name, env }) => (env['KEYSTEAD_LISTEN'] ? [[name, env['KEYSTEAD_LISTEN']]] : [])),
  );
}
