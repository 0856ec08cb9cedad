import {
  address,
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
  readonly hsmAddress: Address;
  readonly iamAddress: Address;
  readonly auditAddress: Address;
  /** Processes that serve this schema (KEYSTEAD_REPLICAS): what subscribers of other services must reckon with. */
  readonly replicas: number;
  /** Between two looks for keys to rotate or delete, in ms. */
  readonly workerMs: number;
  /** The clock of rotation, deletion, conditions and records; leases and deadlines have the real one. */
  readonly now: () => Date;
}

export function readConfig(env: Environment): Config {
  return Object.freeze({
    ...serviceConfig(env),
    databaseUrl: required(env, 'KEYSTEAD_DATABASE_URL'),
    databasePasswordFile: optional(env, 'KEYSTEAD_DATABASE_PASSWORD_FILE'),
    hsmAddress: address(env, 'KEYSTEAD_HSM_ADDRESS'),
    iamAddress: address(env, 'KEYSTEAD_IAM_ADDRESS'),
    auditAddress: address(env, 'KEYSTEAD_AUDIT_ADDRESS'),
    replicas: int(env, 'KEYSTEAD_REPLICAS', 1, { min: 1, max: 1_000 }),
    workerMs: int(env, 'KEYSTEAD_KMS_WORKER_MS', 30_000, { min: 50 }),
    now: () => new Date(),
  });
}
