import {
  address,
  addresses,
  int,
  optional,
  required,
  serviceConfig,
  type Address,
  type Environment,
  type ServiceConfig,
} from '@keystead/service';

/** Settings of kms-service. No secret is in them, only where the secret lies. */
export interface Config extends ServiceConfig {
  readonly databaseUrl: string;
  readonly databasePasswordFile: string | undefined;
  /** One or more, separated by commas; a name stands for every address behind it. */
  readonly hsmAddress: Address;
  readonly iamAddress: Address;
  readonly auditAddress: Address;
  /** Where callers prove themselves by signatures instead of certificates; not offered when undefined. */
  readonly credentialsListen: Address | undefined;
  /** Processes that serve this schema (KEYSTEAD_REPLICAS): what subscribers of other services must reckon with. */
  readonly replicas: number;
  /** Between two looks for keys to rotate or delete, in ms. */
  readonly workerMs: number;
  /** Between two looks at the roots of the HSM's replicas, in ms. */
  readonly rootMs: number;
  /** How many key tokens are rewrapped in a second after a rotation of the domain key. */
  readonly rewrapPerSecond: number;
  /** How long after such a rotation tokens of the former domain key are still taken in, in ms. */
  readonly closeAfterMs: number;
  /** The clock of rotation, deletion, conditions and records; leases and deadlines have the real one. */
  readonly now: () => Date;
}

const credentialsListen = 'KEYSTEAD_KMS_CREDENTIALS_LISTEN';

export function readConfig(env: Environment): Config {
  return Object.freeze({
    ...serviceConfig(env),
    databaseUrl: required(env, 'KEYSTEAD_DATABASE_URL'),
    databasePasswordFile: optional(env, 'KEYSTEAD_DATABASE_PASSWORD_FILE'),
    hsmAddress: addresses(env, 'KEYSTEAD_HSM_ADDRESS'),
    iamAddress: address(env, 'KEYSTEAD_IAM_ADDRESS'),
    auditAddress: address(env, 'KEYSTEAD_AUDIT_ADDRESS'),
    credentialsListen: optional(env, credentialsListen) && address(env, credentialsListen),
    replicas: int(env, 'KEYSTEAD_REPLICAS', 1, { min: 1, max: 1_000 }),
    workerMs: int(env, 'KEYSTEAD_KMS_WORKER_MS', 30_000, { min: 50 }),
    rootMs: int(env, 'KEYSTEAD_HSM_ROOT_MS', 1_000, { min: 50, max: 60_000 }),
    rewrapPerSecond: int(env, 'KEYSTEAD_REWRAP_PER_SECOND', 500, { min: 1, max: 100_000 }),
    closeAfterMs: int(env, 'KEYSTEAD_REWRAP_CLOSE_MS', 120_000),
    now: () => new Date(),
  });
}
