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
  /** What opens the root at the start; without it operators do. */
  readonly unlock: UnlockFile | undefined;
  /** SHA-256 of the certificates of other domains that keys may come from and go to, in hex. */
  readonly transferPeers: ReadonlySet<string>;
}

export function readConfig(env: Environment): Config {
  return Object.freeze({
    ...serviceConfig(env),
    rootDir: required(env, 'KEYSTEAD_ROOT_DIR'),
    unlock: readUnlockFile(env),
    transferPeers: readPeers(optional(env, 'KEYSTEAD_TRANSFER_PEERS', '')),
  });
}

function readPeers(text: string): ReadonlySet<string> {
  const peers = text.split(',').map((peer) => peer.trim().toLowerCase());
  const named = peers.filter((peer) => peer !== '');
  if (named.every((peer) => /^[0-9a-f]{64}$/.test(peer))) return new Set(named);
  throw new ConfigError('KEYSTEAD_TRANSFER_PEERS: fingerprints of 64 hex digits wanted, separated by commas.');
}

function readUnlockFile(env: Environment): UnlockFile | undefined {
  const keyFile = optional(env, 'KEYSTEAD_ROOT_KEY_FILE');
  const passphrase = optional(env, 'KEYSTEAD_ROOT_PASSPHRASE_FILE');
  if (keyFile && !passphrase) return { kind: 'KEYFILE', path: keyFile };
  if (passphrase && !keyFile) return { kind: 'PASSPHRASE', path: passphrase };
  if (!passphrase && !keyFile) return undefined;
  throw new ConfigError('Set KEYSTEAD_ROOT_KEY_FILE or KEYSTEAD_ROOT_PASSPHRASE_FILE, or neither, but not both.');
}
