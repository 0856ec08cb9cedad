import { readFileSync } from 'node:fs';

/** A setting is missing or wrong. The message is one sentence for the operator and names the variable, never its value if secret. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** host:port as configured; port 0 means "any free port". */
export type Address = string;

/** The value of `name`; throws ConfigError when it is unset or empty. */
export function required(env: Environment, name: string): string {
  const value = env[name];
  if (value === undefined || value === '') throw new ConfigError(`${name} must be set.`);
  return value;
}

/** The value of `name`, else `fallback`; an empty value counts as unset. */
export function optional(env: Environment, name: string): string | undefined;
export function optional(env: Environment, name: string, fallback: string): string;
export function optional(env: Environment, name: string, fallback?: string): string | undefined {
  const value = env[name];
  return value === undefined || value === '' ? fallback : value;
}

/** A whole number between `min` and `max` (default 0 to 2^31-1). */
export function int(env: Environment, name: string, fallback: number, { min = 0, max = 2 ** 31 - 1 } = {}): number {
  const text = optional(env, name);
  if (text === undefined) return fallback;
  const value = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (!(value >= min && value <= max))
    throw new ConfigError(`${name} must be a whole number from ${min} to ${max}, not "${text}".`);
  return value;
}

/** host:port, an IPv6 host in brackets; without `fallback` the variable must be set. */
export function address(env: Environment, name: string, fallback?: Address): Address {
  const text = optional(env, name) ?? fallback ?? required(env, name);
  const { port } = splitAddress(text, name);
  if (port > 65_535) throw new ConfigError(`${name} must have a port up to 65535, not "${text}".`);
  return text;
}

/** One or more of host:port, separated by commas: replicas of one service. */
export function addresses(env: Environment, name: string): Address {
  const parts = required(env, name).split(',');
  return parts.map((part) => address({ [name]: part.trim() }, name)).join(',');
}

/** "1" or "true" is true; "0", "false" or unset is false. */
export function flag(env: Environment, name: string): boolean {
  const text = optional(env, name, '0').toLowerCase();
  if (text === '1' || text === 'true') return true;
  if (text === '0' || text === 'false') return false;
  throw new ConfigError(`${name} must be 1 or 0, not "${text}".`);
}

/** The contents of the file that `name` points to, without a trailing line end; undefined when `name` is unset. */
export function secretFile(env: Environment, name: string): string | undefined {
  const path = optional(env, name);
  if (path === undefined) return undefined;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`${name} names a file that cannot be read: ${(error as Error).message}.`);
  }
  const secret = text.replace(/\r?\n$/, '');
  if (secret === '') throw new ConfigError(`${name} names an empty file.`);
  return secret;
}

/** Splits host:port; brackets around an IPv6 address are removed. `name` is what an error calls it. */
export function splitAddress(text: Address, name = 'address'): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  if (!match) throw new ConfigError(`${name} must be host:port, not "${text}".`);
  return { host: match[1] ?? match[2] ?? '', port: Number(match[3]) };
}

/** What every service is configured with. */
export interface ServiceConfig {
  readonly listen: Address;
  readonly opsListen: Address;
  readonly tlsDir: string;
  readonly trustDomain: string;
  readonly region: string;
  /** 12 digits, as text: "000000000000" is an account. */
  readonly account: string;
  readonly testMode: boolean;
  readonly logLevel: string;
}

/** Reads the settings that all services share; each service adds its own and freezes the whole. */
export function serviceConfig(env: Environment): ServiceConfig {
  const account = optional(env, 'KEYSTEAD_ACCOUNT', '000000000000');
  if (!/^\d{12}$/.test(account)) throw new ConfigError(`KEYSTEAD_ACCOUNT must be 12 digits, not "${account}".`);
  return {
    listen: address(env, 'KEYSTEAD_LISTEN', '127.0.0.1:0'),
    opsListen: address(env, 'KEYSTEAD_OPS_LISTEN', '127.0.0.1:0'),
    tlsDir: required(env, 'KEYSTEAD_TLS_DIR'),
    trustDomain: optional(env, 'KEYSTEAD_TRUST_DOMAIN', 'keystead.local'),
    region: optional(env, 'KEYSTEAD_REGION', 'us-east-1'),
    account,
    testMode: flag(env, 'KEYSTEAD_TEST_MODE'),
    logLevel: optional(env, 'KEYSTEAD_LOG_LEVEL', 'info'),
  };
}
