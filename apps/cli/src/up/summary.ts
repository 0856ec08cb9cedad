import { relative } from 'node:path';
import type { DataFolder } from '../data-folder.js';
import { endpointOf, type Credentials } from './env-file.js';
import type { UpOptions } from './options.js';
import type { Ports } from './ports.js';
import { clientHost } from './services.js';

/** What is shown when everything answers: endpoints, the administrator's key, and three commands to try. */
export function summary(folder: DataFolder, options: UpOptions, ports: Ports, credentials: Credentials): string {
  const host = clientHost(options.host);
  const rows: [string, string][] = [
    ['AWS endpoint', `${endpointOf(options)}   KMS, S3, IAM, STS, CloudTrail`],
    ['S3, for throughput', `http://${host}:${ports.s3}`],
    ['gRPC of kms-service', `${host}:${ports.kms}   certificate: keystead client-cert`],
    ['the same, signed', `${host}:${ports.kmsCredentials}   with AWS credentials or a session token`],
    ['administrator', `${credentials.accessKeyId}   account 000000000000, Region ${options.region}`],
    ['secret access key', credentials.secretAccessKey],
    ['data and logs', folder.path],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const near = relative('', folder.env);
  const env = near.startsWith('..') ? folder.env : near;
  return [
    '',
    ...rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`),
    '',
    '  Try it in another terminal:',
    '',
    `    source ${env}`,
    '    aws kms create-key --description "my first key"',
    '    aws s3 mb s3://first && echo hello | aws s3 cp - s3://first/hello --sse aws:kms',
    '    aws cloudtrail lookup-events --max-results 5',
    '',
    '  Ctrl-C stops everything.',
    '',
  ].join('\n');
}
