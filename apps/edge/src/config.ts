import { address, type Address, ConfigError, type Environment, optional, serviceConfig } from '@keystead/service';

/** What edge is configured with. */
export interface Config {
  /** Where AWS's clients connect; HTTP, or HTTPS when `tls` is set. */
  readonly listen: Address;
  readonly opsListen: Address;
  /** Our certificate towards the other services. */
  readonly tlsDir: string;
  readonly region: string;
  readonly testMode: boolean;
  readonly logLevel: string;
  /** Files of the certificate and key for AWS's clients, PEM. */
  readonly tls: EndpointFiles | undefined;
  readonly kmsAddress: Address;
  readonly iamAddress: Address;
  readonly auditAddress: Address;
  /** The gateway's gRPC. */
  readonly gatewayAddress: Address;
  /** The gateway's internal S3 listener (HTTPS, mutual). */
  readonly gatewayS3Address: Address;
  /** Only for the health page; kms-service is hsm-service's only client. */
  readonly hsmAddress: Address | undefined;
}

/** Where the certificate chain and its key lie, PEM. */
export interface EndpointFiles {
  readonly cert: string;
  readonly key: string;
}

/** Reads the environment. Throws ConfigError. */
export function readConfig(env: Environment): Config {
  const common = serviceConfig(env);
  return Object.freeze({
    listen: address(env, 'KEYSTEAD_EDGE_LISTEN', '127.0.0.1:4566'),
    opsListen: common.opsListen,
    tlsDir: common.tlsDir,
    region: common.region,
    testMode: common.testMode,
    logLevel: common.logLevel,
    tls: pair(env),
    kmsAddress: address(env, 'KEYSTEAD_KMS_ADDRESS'),
    iamAddress: address(env, 'KEYSTEAD_IAM_ADDRESS'),
    auditAddress: address(env, 'KEYSTEAD_AUDIT_ADDRESS'),
    gatewayAddress: address(env, 'KEYSTEAD_GATEWAY_ADDRESS'),
    gatewayS3Address: address(env, 'KEYSTEAD_GATEWAY_S3_ADDRESS'),
    hsmAddress: optional(env, 'KEYSTEAD_HSM_ADDRESS') === undefined ? undefined : address(env, 'KEYSTEAD_HSM_ADDRESS'),
  });
}

function pair(env: Environment): EndpointFiles | undefined {
  const cert = optional(env, 'KEYSTEAD_EDGE_TLS_CERT');
  const key = optional(env, 'KEYSTEAD_EDGE_TLS_KEY');
  if (cert !== undefined && key !== undefined) return { cert, key };
  if (cert === undefined && key === undefined) return undefined;
  throw new ConfigError('KEYSTEAD_EDGE_TLS_CERT and KEYSTEAD_EDGE_TLS_KEY: set both or neither.');
}
