import {
  ConfigError,
  int,
  optional,
  required,
  serviceConfig,
  type Environment,
  type ServiceConfig,
} from '@keystead/service';
import type { RotationPolicy } from './domain/domain-key-rotation.js';
import type { Pkcs11Settings } from './pkcs11/messages.js';
import type { UnlockFile } from './store/unlock.js';

/** Settings of hsm-service. No secret is in them, only where the secret lies. */
export interface Config extends ServiceConfig {
  /** Folder of the root files. */
  readonly rootDir: string;
  /** What opens the root at the start; without it the device does, or operators do. */
  readonly unlock: UnlockFile | undefined;
  /** A PKCS#11 device. */
  readonly pkcs11: Pkcs11Settings | undefined;
  /** Whether the device opens the root at the start, where `unlock` does not, or only when operators ask for it. */
  readonly deviceUnseals: boolean;
  /** Whether new domain keys are made in the device, and never leave it. */
  readonly keysInDevice: boolean;
  /** SHA-256 of the certificates of other domains that keys may come from and go to, in hex. */
  readonly transferPeers: ReadonlySet<string>;
  /** When the domain key is changed, and how long former ones are kept. */
  readonly rotation: RotationPolicy;
  /** True for the one replica that makes generations of the root. */
  readonly writer: boolean;
  /** Whether kms-service must confirm that the root is the newest before ceremonies change it and partitions are used. */
  readonly isWatched: boolean;
  /** The clock of import tokens, of ceremonies and of what tokens and journal say; leases and caches have their own. */
  readonly now: () => Date;
}

export function readConfig(env: Environment): Config {
  return Object.freeze({
    ...serviceConfig(env),
    rootDir: required(env, 'KEYSTEAD_ROOT_DIR'),
    unlock: readUnlockFile(env),
    rotation: {
      periodMs: int(env, 'KEYSTEAD_DOMAIN_KEY_ROTATION_HOURS', 24, { max: 87_600 }) * 3_600_000,
      retentionDays: int(env, 'KEYSTEAD_DOMAIN_KEY_RETENTION_DAYS', 0, { max: 36_500 }),
    },
    writer: isWriter(env),
    isWatched: isWatched(env),
    ...readDevice(env),
    transferPeers: readPeers(optional(env, 'KEYSTEAD_TRANSFER_PEERS', '')),
    now: () => new Date(),
  });
}

/** In a set of replicas one is named (KEYSTEAD_ROOT_WRITER), and each knows its own name (KEYSTEAD_INSTANCE). */
function isWriter(env: Environment): boolean {
  const writer = optional(env, 'KEYSTEAD_ROOT_WRITER');
  return writer === undefined || writer === required(env, 'KEYSTEAD_INSTANCE');
}

function isWatched(env: Environment): boolean {
  const witness = optional(env, 'KEYSTEAD_ROOT_WITNESS', 'kms-service');
  if (witness === 'kms-service' || witness === 'none') return witness !== 'none';
  throw new ConfigError(`KEYSTEAD_ROOT_WITNESS must be kms-service or none, not "${witness}".`);
}

function readPeers(text: string): ReadonlySet<string> {
  const peers = text.split(',').map((peer) => peer.trim().toLowerCase());
  const named = peers.filter((peer) => peer !== '');
  if (named.every((peer) => /^[0-9a-f]{64}$/.test(peer))) return new Set(named);
  throw new ConfigError('KEYSTEAD_TRANSFER_PEERS: fingerprints of 64 hex digits wanted, separated by commas.');
}

function readDevice(env: Environment): Pick<Config, 'pkcs11' | 'keysInDevice' | 'deviceUnseals'> {
  const where = optional(env, 'KEYSTEAD_DOMAIN_KEYS', 'memory');
  if (where !== 'memory' && where !== 'device')
    throw new ConfigError(`KEYSTEAD_DOMAIN_KEYS must be memory or device, not "${where}".`);
  const module = optional(env, 'KEYSTEAD_PKCS11_MODULE');
  if (module === undefined) {
    if (where === 'memory') return { pkcs11: undefined, keysInDevice: false, deviceUnseals: false };
    throw new ConfigError('KEYSTEAD_DOMAIN_KEYS=device needs KEYSTEAD_PKCS11_MODULE.');
  }
  const unseal = optional(env, 'KEYSTEAD_PKCS11_UNSEAL', 'start');
  if (unseal !== 'start' && unseal !== 'manual')
    throw new ConfigError(`KEYSTEAD_PKCS11_UNSEAL must be start or manual, not "${unseal}".`);
  const slot = optional(env, 'KEYSTEAD_PKCS11_SLOT');
  const pkcs11 = {
    ...{ module, token: required(env, 'KEYSTEAD_PKCS11_TOKEN'), pinFile: required(env, 'KEYSTEAD_PKCS11_PIN_FILE') },
    slot: slot === undefined ? undefined : int(env, 'KEYSTEAD_PKCS11_SLOT', 0),
  };
  return { pkcs11, keysInDevice: where === 'device', deviceUnseals: unseal === 'start' };
}

function readUnlockFile(env: Environment): UnlockFile | undefined {
  const keyFile = optional(env, 'KEYSTEAD_ROOT_KEY_FILE');
  const passphrase = optional(env, 'KEYSTEAD_ROOT_PASSPHRASE_FILE');
  if (keyFile && !passphrase) return { kind: 'KEYFILE', path: keyFile };
  if (passphrase && !keyFile) return { kind: 'PASSPHRASE', path: passphrase };
  if (!passphrase && !keyFile) return undefined;
  throw new ConfigError('Set KEYSTEAD_ROOT_KEY_FILE or KEYSTEAD_ROOT_PASSPHRASE_FILE, or neither, but not both.');
}
