import { address, type Environment, optional, required, serviceConfig, type ServiceConfig } from '@keystead/service';

export interface Config extends ServiceConfig {
  /** Without the password. */
  readonly databaseUrl: string;
  readonly databasePasswordFile: string | undefined;
  readonly iamAddress: string;
}

export function readConfig(env: Environment): Config {
  return Object.freeze({
    ...serviceConfig(env),
    databaseUrl: required(env, 'KEYSTEAD_DATABASE_URL'),
    databasePasswordFile: optional(env, 'KEYSTEAD_DATABASE_PASSWORD_FILE'),
    iamAddress: address(env, 'KEYSTEAD_IAM_ADDRESS'),
  });
}
