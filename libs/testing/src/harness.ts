import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { newCredentials, region, type Credentials } from './credentials.js';
import { fourFreePorts } from './free-port.js';
import { reset, type RunningKeystead } from './running.js';

/** How the harness is started; everything has a sensible default. */
export interface HarnessOptions {
  /** Port of the endpoint; four free ones in a row are looked for when it is not given. */
  readonly port?: number;
  /** Data folder; a temporary one that goes with the harness when it is not given. */
  readonly data?: string;
  /** The first administrator's access key, instead of a random one. */
  readonly credentials?: Credentials;
  /** More arguments of `keystead up`. */
  readonly args?: readonly string[];
  /** More environment, for example KEYSTEAD_LOG_LEVEL. */
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds until it must answer; default 120,000. */
  readonly timeoutMs?: number;
}

/** Keystead as processes of its own. */
export interface StartedKeystead extends RunningKeystead {
  /** The data folder. */
  readonly data: string;
  /** The launcher; its children are the services. */
  readonly pid: number;
  /** What the launcher printed so far. */
  output(): string;
  stop(): Promise<void>;
}

/**
 * Starts Keystead with all its processes and resolves when it answers. Needs the bundles (`npm run bundle`).
 *
 * ```ts
 * await using keystead = await startKeystead();
 * const kms = new KMSClient(keystead.clientConfig);
 * ```
 */
export async function startKeystead(options: HarnessOptions = {}): Promise<StartedKeystead> {
  const credentials = options.credentials ?? newCredentials();
  const port = options.port ?? (await fourFreePorts());
  const data = options.data ?? mkdtempSync(join(tmpdir(), 'keystead-'));
  const launcher = launch(port, data, credentials, options);
  const stop = async (): Promise<void> => {
    await ended(launcher.child);
    if (options.data === undefined) rmSync(data, { recursive: true, force: true });
  };
  try {
    await ready(launcher, options.timeoutMs ?? 120_000);
  } catch (error) {
    await stop();
    throw error;
  }
  const scheme = options.args?.includes('--tls') === true ? 'https' : 'http';
  const endpoint = `${scheme}://127.0.0.1:${port}`;
  return {
    endpoint,
    s3Endpoint: `http://127.0.0.1:${port + 1}`,
    kmsAddress: `127.0.0.1:${port + 2}`,
    kmsCredentialsAddress: `127.0.0.1:${port + 3}`,
    authority: readFileSync(join(data, 'ca/ca.crt'), 'utf8'),
    region,
    credentials,
    clientConfig: { endpoint, region, credentials, forcePathStyle: true },
    data,
    pid: launcher.child.pid ?? 0,
    output: launcher.output,
    reset: () => reset(endpoint),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

interface Launcher {
  readonly child: ChildProcess;
  readonly output: () => string;
}

/** The CLI's bundle: beside the sources in the repository. */
function bundle(): string {
  const manifest = createRequire(import.meta.url).resolve('@keystead/testing/package.json');
  const file = join(dirname(manifest), '../../dist/cli/main.mjs');
  if (!existsSync(file)) throw new Error(`${file} is missing: run \`npm run bundle\` first.`);
  return file;
}

function launch(port: number, data: string, credentials: Credentials, options: HarnessOptions): Launcher {
  const args = [bundle(), 'up', '--port', String(port), '--data', data, ...(options.args ?? [])];
  const env = {
    ...process.env,
    KEYSTEAD_TEST_MODE: '1',
    KEYSTEAD_ADMIN_ACCESS_KEY_ID: credentials.accessKeyId,
    KEYSTEAD_ADMIN_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    ...options.env,
  };
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  const collect = (chunk: Buffer): void => {
    text += chunk.toString();
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  return { child, output: () => text };
}

async function ready({ child, output }: Launcher, timeoutMs: number): Promise<void> {
  const until = Date.now() + timeoutMs;
  while (!/^ready after/m.test(output())) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`Keystead did not start:\n${output()}`);
    if (Date.now() > until) throw new Error(`Keystead did not answer within ${timeoutMs / 1000} s:\n${output()}`);
    await new Promise((later) => setTimeout(later, 50));
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await exited;
}
