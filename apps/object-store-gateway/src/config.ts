import { ConfigError, address, flag, int, optional, required, serviceConfig } from '@keystead/service';
import type { Address, Environment, ServiceConfig } from '@keystead/service';
import type { S3BackendOptions } from './backend/s3/store.js';
import type { Gateway } from './gateway.js';

/** Where sealed objects go. */
export type BackendConfig =
  | { readonly kind: 'directory'; readonly directory: string }
  | { readonly kind: 's3'; readonly options: S3BackendOptions };

/** Settings of object-store-gateway. */
export interface Config extends ServiceConfig {
  /** Public S3 over plain HTTP. */
  readonly s3Listen: Address;
  /** S3 for edge, over mTLS. */
  readonly internalS3Listen: Address;
  /** Base names of virtual-host style, lower case. */
  readonly domains: readonly string[];
  readonly databaseUrl: string;
  readonly databasePasswordFile: string | undefined;
  readonly databaseConnections: number;
  readonly kmsAddress: Address;
  readonly iamAddress: Address;
  readonly auditAddress: Address;
  readonly backend: BackendConfig;
  readonly tlsRule: Gateway['tlsRule'];
  /** No other gateway uses the same database: what was read of the index may be kept. */
  readonly sole: boolean;
}

/**
 * Reads the environment. KEYSTEAD_REQUIRE_TLS: 1 asks every client of SSE-KMS for TLS, 0 none; without it clients on
 * this machine are excepted. KEYSTEAD_SOLE_GATEWAY: 1 where this is the only gateway of its database.
 */
export function readConfig(env: Environment): Config {
  const { listen, ...shared } = serviceConfig(env);
  return Object.freeze({
    ...shared,
    listen,
    s3Listen: address(env, 'KEYSTEAD_S3_LISTEN', '127.0.0.1:0'),
    internalS3Listen: address(env, 'KEYSTEAD_INTERNAL_S3_LISTEN', '127.0.0.1:0'),
    domains: readDomains(optional(env, 'KEYSTEAD_S3_DOMAIN', 'localhost,s3.localhost')),
    databaseUrl: required(env, 'KEYSTEAD_DATABASE_URL'),
    databasePasswordFile: optional(env, 'KEYSTEAD_DATABASE_PASSWORD_FILE'),
    databaseConnections: int(env, 'KEYSTEAD_DATABASE_CONNECTIONS', 10, { min: 1, max: 200 }),
    kmsAddress: address(env, 'KEYSTEAD_KMS_ADDRESS'),
    iamAddress: address(env, 'KEYSTEAD_IAM_ADDRESS'),
    auditAddress: address(env, 'KEYSTEAD_AUDIT_ADDRESS'),
    backend: readBackend(env),
    tlsRule: readTlsRule(env),
    sole: flag(env, 'KEYSTEAD_SOLE_GATEWAY'),
  });
}

function readDomains(list: string): readonly string[] {
  const names = list.split(',').map((name) => name.trim().toLowerCase());
  return names.filter((name) => name !== '');
}

function readTlsRule(env: Environment): Gateway['tlsRule'] {
  if (optional(env, 'KEYSTEAD_REQUIRE_TLS') === undefined) return 'unless-loopback';
  return flag(env, 'KEYSTEAD_REQUIRE_TLS') ? 'always' : 'never';
}

function readBackend(env: Environment): BackendConfig {
  const kind = optional(env, 'KEYSTEAD_BACKEND', 'directory');
  if (kind === 'directory') return { kind, directory: required(env, 'KEYSTEAD_BACKEND_DIR') };
  if (kind !== 's3') throw new ConfigError(`KEYSTEAD_BACKEND must be directory or s3, not "${kind}".`);
  const endpoint = required(env, 'KEYSTEAD_S3_ENDPOINT');
  if (!/^https?:\/\/[^/]+\/?$/.test(endpoint)) {
    throw new ConfigError(`KEYSTEAD_S3_ENDPOINT must be http(s)://host:port, not "${endpoint}".`);
  }
  const options = {
    endpoint,
    accessKeyId: required(env, 'KEYSTEAD_S3_ACCESS_KEY_ID'),
    secretAccessKey: required(env, 'KEYSTEAD_S3_SECRET_ACCESS_KEY'),
    region: optional(env, 'KEYSTEAD_S3_REGION', 'us-east-1'),
    bucketPrefix: optional(env, 'KEYSTEAD_S3_BUCKET_PREFIX', 'keystead-'),
  };
  return { kind, options };
}
