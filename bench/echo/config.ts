import { address, type Environment, type ServiceConfig, serviceConfig } from '@keystead/service';

/** Configuration of an echo: what every service has, and the hops behind it. */
export interface EchoConfig extends ServiceConfig {
  readonly hsmAddress: string;
  readonly auditAddress: string;
  readonly kmsAddress: string;
}

export function readEchoConfig(env: Environment): EchoConfig {
  return {
    ...serviceConfig(env),
    hsmAddress: address(env, 'KEYSTEAD_HSM_ADDRESS', '127.0.0.1:1'),
    auditAddress: address(env, 'KEYSTEAD_AUDIT_ADDRESS', '127.0.0.1:1'),
    kmsAddress: address(env, 'KEYSTEAD_KMS_ADDRESS', '127.0.0.1:1'),
  };
}
