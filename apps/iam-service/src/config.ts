import {
  address,
  ConfigError,
  int,
  optional,
  required,
  serviceConfig,
  type Address,
  type Environment,
  type ServiceConfig,
} from '@keystead/service';

/** Everything iam-service is configured with. */
export interface Config extends ServiceConfig {
  readonly databaseUrl: string;
  readonly databasePasswordFile: string | undefined;
  readonly kms: Address;
  readonly audit: Address;
  /** How many processes own the schema at a time. */
  readonly replicas: number;
  /** Files with the keys of token issuers (JWKS), by issuer; others are asked for theirs. */
  readonly tokenKeyFiles: ReadonlyMap<string, string>;
  readonly administrator: {
    readonly given: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
    readonly credentialsFile: string | undefined;
  };
}

/** Reads the environment; throws ConfigError. */
export function readConfig(env: Environment): Config {
  return Object.freeze({
    ...serviceConfig(env),
    databaseUrl: required(env, 'KEYSTEAD_DATABASE_URL'),
    databasePasswordFile: optional(env, 'KEYSTEAD_DATABASE_PASSWORD_FILE'),
    kms: address(env, 'KEYSTEAD_KMS_ADDRESS'),
    audit: address(env, 'KEYSTEAD_AUDIT_ADDRESS'),
    replicas: int(env, 'KEYSTEAD_REPLICAS', 1, { min: 1, max: 1_000 }),
    tokenKeyFiles: keyFiles(env),
    administrator: { given: givenKey(env), credentialsFile: optional(env, 'KEYSTEAD_ADMIN_CREDENTIALS_FILE') },
  });
}

/** `https://issuer=/path/to/jwks.json`, several with commas between them. */
function keyFiles(env: Environment): ReadonlyMap<string, string> {
  const written = optional(env, 'KEYSTEAD_OIDC_JWKS_FILES') ?? '';
  const pairs = written.split(',').filter((pair) => pair !== '');
  return new Map(
    pairs.map((pair) => {
      const [, issuer, file] = /^\s*(https?:\/\/[^=\s]+?)\/?=(.+?)\s*$/.exec(pair) ?? [];
      if (issuer !== undefined && file !== undefined) return [issuer, file];
      throw new ConfigError('KEYSTEAD_OIDC_JWKS_FILES must be of the form https://issuer=/path/to/jwks.json,…');
    }),
  );
}

function givenKey(env: Environment) {
  const accessKeyId = optional(env, 'KEYSTEAD_ADMIN_ACCESS_KEY_ID');
  const secretAccessKey = optional(env, 'KEYSTEAD_ADMIN_SECRET_ACCESS_KEY');
  if (accessKeyId === undefined && secretAccessKey === undefined) return undefined;
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new ConfigError('KEYSTEAD_ADMIN_ACCESS_KEY_ID and KEYSTEAD_ADMIN_SECRET_ACCESS_KEY: set both or neither.');
  }
  if (!/^\w{16,128}$/.test(accessKeyId)) {
    throw new ConfigError('KEYSTEAD_ADMIN_ACCESS_KEY_ID must be 16 to 128 letters, digits or underscores.');
  }
  if (!/^[!-~]{16,128}$/.test(secretAccessKey)) {
    throw new ConfigError('KEYSTEAD_ADMIN_SECRET_ACCESS_KEY must be 16 to 128 printable characters without spaces.');
  }
  return { accessKeyId, secretAccessKey };
}
