import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Target } from '../http/connection.js';
import type { Credentials } from '../http/sign.js';
import { type Child, startProgram } from './child.js';
import { freePorts } from './ports.js';

/** A MinIO server of this benchmark's own. */
export interface Minio extends Child {
  readonly endpoint: string;
  readonly target: Target;
  readonly credentials: Credentials;
}

/** The program: MINIO names it, or it is on PATH or in ~/.cache/keystead, where CI keeps what it has compiled. */
export function findMinio(env: NodeJS.ProcessEnv): string | undefined {
  const named = env['MINIO'];
  if (named) return named;
  const cache = join(homedir(), '.cache', 'keystead');
  const cached = existsSync(cache) ? readdirSync(cache).filter((name) => name.startsWith('minio')) : [];
  const candidates = [
    ...(env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'minio')),
    ...cached.map((name) => join(cache, name)),
  ];
  return candidates.find((file) => statSync(file, { throwIfNoEntry: false })?.isFile());
}

/** Starts the program on a folder for data and logs. */
export async function startMinio(program: string, folder: string): Promise<Minio> {
  mkdirSync(folder, { recursive: true });
  const port = await freePorts(2);
  const credentials = { accessKeyId: 'bench', secretAccessKey: randomBytes(20).toString('hex') };
  const address = ['--address', `127.0.0.1:${port}`, '--console-address', `127.0.0.1:${port + 1}`];
  const child = await startProgram(program, ['server', join(folder, 'data'), ...address], {
    env: {
      ...process.env,
      MINIO_ROOT_USER: credentials.accessKeyId,
      MINIO_ROOT_PASSWORD: credentials.secretAccessKey,
      MINIO_BROWSER: 'off',
    },
    log: join(folder, 'minio.log'),
    ready: (output) => output.includes('API:'),
  });
  const endpoint = `http://127.0.0.1:${port}`;
  return { ...child, endpoint, target: { host: '127.0.0.1', port }, credentials };
}
