import {
  ConfigError,
  optional,
  required,
  serviceConfig,
  type Environment,
  type ServiceConfig,
} from '@keystead/service';
import type { UnlockFile } from './store/unlock.js';

/** Settings of hsm-service. No secret is in them, only where the secret lies. */
export interface Config extends ServiceConfig {
  /** Folder of the root files. */
  readonly rootDir: string;
  readonly unlock: UnlockFile;
}

export function readConfig(env: Environment): Config {
  return Object.freeze({
    ...serviceConfig(env),
    rootDir: required(env, 'KEYSTEAD_ROOT_DIR'),
    unlock: readUnlockFile(env),
  });
}

function readUnlockFile(env: Environment): UnlockFile {
  const keyFile = optional(env, 'KEYSTEAD_ROOT_KEY_FILE');
  const passphrase = optional(env, 'KEYSTEAD_ROOT_PASSPHRASE_FILE');
  if (keyFile && !passphrase) return { kind: 'KEYFILE', path: keyFile };
  if (passphrase && !keyFile) return { kind: 'PASSPHRASE', path: passphrase };
  throw new ConfigError(
    'Set either KEYSTEAD_ROOT_KEY_FILE or KEYSTEAD_ROOT_PASSPHRASE_FILE: the root opens by one of them.',
  );
}
