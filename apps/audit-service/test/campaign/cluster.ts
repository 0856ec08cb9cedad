import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openPool, type Pool, prepareDatabase, urlWith } from '@keystead/db';
import { type EmbeddedPostgres, startEmbedded } from '@keystead/db/embedded';
import { testPki, type TestPki } from '@keystead/testing/pki';

const source = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const bundle = fileURLToPath(new URL('../../../../dist/audit-service/main.mjs', import.meta.url));
const migrationsDirectory = fileURLToPath(new URL('../../src/store/migrations', import.meta.url));

/** A real PostgreSQL that waits for its disk, and audit-service as a process of its own that can be killed. */
export interface Cluster extends AsyncDisposable {
  readonly pki: TestPki;
  /** host:port of audit-service; the same after a restart. */
  readonly address: string;
  readonly postgresPid: number;
  readonly servicePid: number;
  /** The service's own rights on its schema. */
  readonly pool: Pool;
  /** kill -9, then starts it anew. */
  restartService(): Promise<void>;
  /** kill -9 of the whole PostgreSQL, then starts it anew on the same files. */
  restartPostgres(): Promise<void>;
}

export async function startCluster({ bundled = false } = {}): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), 'keystead-campaign-'));
  const directory = join(folder, 'postgres');
  let postgres = await startEmbedded({ directory });
  const password = randomBytes(16).toString('hex');
  const passwordFile = join(folder, 'audit.password');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  const service = { name: 'audit-service', schema: 'audit', role: 'keystead_audit', password, migrationsDirectory };
  await prepareDatabase({ ...adminOf(postgres), database: 'keystead', services: [service] });
  const url = urlWith(postgres.adminUrl, { database: 'keystead', role: 'keystead_audit', password: undefined });
  const pki = await testPki();
  const environment = {
    ...(await environmentOf(pki)),
    KEYSTEAD_DATABASE_URL: url,
    KEYSTEAD_DATABASE_PASSWORD_FILE: passwordFile,
  };
  const program = bundled ? [bundle] : ['--import', 'tsx', '--conditions=@keystead/source', source];
  let { child, address } = await launch(program, environment);
  const pool = openPool({ url, passwordFile, schema: 'audit', onError: () => undefined });
  return {
    pki,
    pool,
    address,
    get postgresPid() {
      return postgres.pid;
    },
    get servicePid() {
      return child.pid ?? 0;
    },
    restartService: async () => {
      await killHard(child);
      ({ child, address } = await launch(program, { ...environment, KEYSTEAD_LISTEN: address }));
    },
    restartPostgres: async () => {
      process.kill(postgres.pid, 'SIGKILL');
      await postgres.exited;
      postgres = await startEmbedded({ directory, port: postgres.port });
    },
    [Symbol.asyncDispose]: async () => {
      await pool.end();
      await killHard(child);
      await postgres.stop();
      pki[Symbol.dispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function adminOf({ adminUrl, adminPassword }: EmbeddedPostgres) {
  return { adminUrl, adminPassword };
}

async function environmentOf(pki: TestPki): Promise<Record<string, string>> {
  return {
    PATH: process.env['PATH'] ?? '',
    KEYSTEAD_TLS_DIR: await pki.dir('audit-service'),
    KEYSTEAD_IAM_ADDRESS: '127.0.0.1:1',
    KEYSTEAD_TEST_MODE: '1',
    KEYSTEAD_LOG_LEVEL: process.env['KEYSTEAD_LOG_LEVEL'] ?? 'fatal',
    KEYSTEAD_SUPERVISED: '1',
  };
}

function launch(program: string[], env: Record<string, string>): Promise<{ child: ChildProcess; address: string }> {
  return new Promise((ready, failed) => {
    const child = spawn(process.execPath, program, { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    child.once('message', (message: { address: string }) => {
      ready({ child, address: message.address });
    });
    child.once('exit', (code) => {
      failed(new Error(`audit-service ended with ${String(code)}`));
    });
  });
}

async function killHard(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}
