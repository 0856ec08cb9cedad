import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Target } from '../http/connection.js';
import type { Credentials } from '../http/sign.js';
import { type Child, startProgram } from './child.js';
import type { Minio } from './minio.js';
import { freePorts } from './ports.js';

export const root = join(import.meta.dirname, '..', '..');
export const launcher = join(root, 'dist/cli/main.mjs');

/** Keystead as `keystead up` runs it: every service a process of its own. */
export interface Keystead extends Child {
  readonly data: string;
  /** edge; the gateway's S3 and kms-service's gRPC (with certificates, with signatures) are the next three ports. */
  readonly edge: Target;
  readonly s3: Target;
  readonly grpc: string;
  readonly credentials: Credentials;
}

export interface KeysteadOptions {
  /** The data folder; made when missing. */
  readonly data: string;
  /** The object backend; absent for the directory. */
  readonly minio?: Minio;
}

/** Starts everything and waits until it answers. Test mode is on because only then may the benchmark append to the log. */
export async function startKeystead({ data, minio }: KeysteadOptions): Promise<Keystead> {
  const port = await freePorts(4);
  const backend = minio ? ['--backend', 's3', '--s3-endpoint', minio.endpoint] : [];
  const child = await startProgram(
    process.execPath,
    [launcher, 'up', '--data', data, '--port', String(port), ...backend],
    {
      env: { ...environment(), ...(minio && s3Environment(minio)) },
      log: `${data}.log`,
      ready: (output) => output.includes('ready after'),
    },
  );
  const at = (offset: number): Target => ({ host: '127.0.0.1', port: port + offset });
  return {
    ...child,
    data,
    edge: at(0),
    s3: at(1),
    grpc: `127.0.0.1:${port + 2}`,
    credentials: readCredentials(data),
  };
}

/** Our own environment, without what would configure the installation. */
export function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(KEYSTEAD|OTEL|AWS)_/.test(name));
  return { ...Object.fromEntries(kept), KEYSTEAD_TEST_MODE: '1', KEYSTEAD_LOG_LEVEL: 'info' };
}

function s3Environment({ credentials }: Minio): NodeJS.ProcessEnv {
  return {
    KEYSTEAD_S3_ACCESS_KEY_ID: credentials.accessKeyId,
    KEYSTEAD_S3_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    KEYSTEAD_S3_REGION: 'us-east-1',
  };
}

/** The administrator's key, from the file that users source. */
export function readCredentials(data: string): Credentials {
  const text = readFileSync(join(data, 'env'), 'utf8');
  const value = (name: string): string => new RegExp(`^export ${name}='?([^'\\n]*)'?$`, 'm').exec(text)?.[1] ?? '';
  return { accessKeyId: value('AWS_ACCESS_KEY_ID'), secretAccessKey: value('AWS_SECRET_ACCESS_KEY') };
}

/** A certificate that acts as the administrator, made as users make theirs; gives its folder. */
export function administratorCertificate({ data }: Keystead): string {
  const out = `${data}.client`;
  const principal = 'arn:aws:iam::000000000000:user/administrator';
  const args = [launcher, 'client-cert', '--principal', principal, '--data', data, '--out', out];
  execFileSync(process.execPath, args, { env: environment(), stdio: 'pipe' });
  return out;
}

/** Where a service of the installation answers gRPC. */
export function addressOf({ data }: Keystead, service: string): string {
  const { addresses } = JSON.parse(readFileSync(join(data, 'runtime.json'), 'utf8')) as {
    addresses: Record<string, string>;
  };
  const address = addresses[service];
  if (address === undefined) throw new Error(`${service} has no address in runtime.json`);
  return address;
}
