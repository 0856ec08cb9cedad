import { join } from 'node:path';
import type { DataFolder } from '../data-folder.js';
import { Failure } from '../failure.js';
import { readIfThere, writePrivate } from '../files.js';
import type { UpOptions } from './options.js';
import { clientHost } from './services.js';

/** An access key of the first administrator. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** The administrator's key: the one given by the environment, or the one that iam-service made at first start. */
export function administrator(folder: DataFolder, env: NodeJS.ProcessEnv): Credentials {
  const accessKeyId = env['KEYSTEAD_ADMIN_ACCESS_KEY_ID'];
  const secretAccessKey = env['KEYSTEAD_ADMIN_SECRET_ACCESS_KEY'];
  if (accessKeyId && secretAccessKey) return { accessKeyId, secretAccessKey };
  const kept = readIfThere(folder.adminCredentials);
  if (kept === undefined) {
    throw new Failure(
      `${folder.adminCredentials} is gone: give the administrator a key with KEYSTEAD_ADMIN_ACCESS_KEY_ID and KEYSTEAD_ADMIN_SECRET_ACCESS_KEY.`,
    );
  }
  return JSON.parse(kept) as Credentials;
}

/** The one endpoint, as users of this machine reach it. */
export function endpointOf(options: UpOptions): string {
  return `${options.tls ? 'https' : 'http'}://${clientHost(options.host)}:${options.port}`;
}

/** Writes the file for `source`: all that CLI and SDKs need. */
export function writeEnvFile(folder: DataFolder, options: UpOptions, credentials: Credentials): void {
  const authority = join(folder.authority, 'ca.crt');
  const variables: [string, string][] = [
    ['AWS_ENDPOINT_URL', endpointOf(options)],
    ['AWS_ACCESS_KEY_ID', credentials.accessKeyId],
    ['AWS_SECRET_ACCESS_KEY', credentials.secretAccessKey],
    ['AWS_REGION', options.region],
    // pip's AWS CLI reads only this one.
    ['AWS_DEFAULT_REGION', options.region],
    ...(options.tls
      ? ([
          ['AWS_CA_BUNDLE', authority],
          ['NODE_EXTRA_CA_CERTS', authority],
        ] as [string, string][])
      : []),
  ];
  const lines = variables.map(([name, value]) => `export ${name}=${quoted(value)}`);
  writePrivate(folder.env, `${lines.join('\n')}\n`);
}

function quoted(value: string): string {
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}
