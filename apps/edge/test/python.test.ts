import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Cluster, cluster } from '@keystead/testing/cluster';
import { iam } from '../src/aws/iam/index.js';
import type { QueryApi } from '../src/aws/query/api.js';
import { sts } from '../src/aws/sts/index.js';
import { whyNo } from './support/python.js';

const run = promisify(execFile);

describe('clients from Python, unchanged', () => {
  let running: Cluster;
  const folder = mkdtempSync(join(tmpdir(), 'keystead-cli-'));
  beforeAll(async () => {
    running = await cluster();
  });
  afterAll(async () => {
    await running[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  const environment = () => {
    return {
      PATH: process.env['PATH'],
      HOME: '/nonexistent',
      AWS_ENDPOINT_URL: running.endpoint,
      AWS_ACCESS_KEY_ID: running.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: running.credentials.secretAccessKey,
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_MAX_ATTEMPTS: '1',
    };
  };

  async function aws(...args: string[]): Promise<Record<string, unknown>> {
    const { stdout } = await run('aws', [...args, '--output', 'json'], { env: environment() });
    return (stdout === '' ? {} : JSON.parse(stdout)) as Record<string, unknown>;
  }

  test('boto3: IAM, STS, KMS and CloudTrail', async ({ skip }) => {
    const missing = whyNo('boto3');
    if (missing !== undefined) return skip(missing);
    const script = fileURLToPath(new URL('support/clients.py', import.meta.url));
    const { stdout } = await run('python3', [script], { env: environment() });
    expect(stdout.trim().split('\n')).toEqual(['people', 'keys', 'insight', 'goodbye']);
  }, 120_000);

  test('boto3: every operation of IAM and STS that is offered', async ({ skip }) => {
    const missing = whyNo('boto3');
    if (missing !== undefined) return skip(missing);
    await using fresh = await cluster();
    const { accessKeyId, secretAccessKey } = fresh.credentials;
    const own = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
    const script = fileURLToPath(new URL('support/every_operation.py', import.meta.url));
    const env = { ...environment(), ...own, AWS_ENDPOINT_URL: fresh.endpoint };
    const { stdout } = await run('python3', [script], { env });
    const offered = ({ operations }: QueryApi) => [...operations.keys()].sort();
    expect(JSON.parse(stdout)).toEqual({ iam: offered(iam), sts: offered(sts) });
  }, 120_000);

  test("boto3 beside other people's cryptography, and AWS's Encryption SDK for Python", async ({ skip }) => {
    const missing = whyNo('aws-encryption-sdk');
    if (missing !== undefined) return skip(missing);
    const script = fileURLToPath(new URL('support/cryptography_clients.py', import.meta.url));
    const { stdout } = await run('python3', [script], { env: environment() });
    expect(stdout.trim().split('\n')).toEqual([
      ...['signatures', 'encryption', 'shared secrets', 'data key pairs', 'imports', 'Encryption SDK'],
    ]);
  }, 600_000);

  test('the AWS CLI: IAM and STS', async ({ skip }) => {
    const missing = whyNo('aws');
    if (missing !== undefined) return skip(missing);
    expect(await aws('sts', 'get-caller-identity')).toMatchObject({ Account: '000000000000' });
    await aws('iam', 'create-user', '--user-name', 'bob', '--tags', 'Key=a,Value=b', 'Key=c,Value=d');
    expect(await aws('iam', 'list-user-tags', '--user-name', 'bob')).toEqual({
      Tags: [
        { Key: 'a', Value: 'b' },
        { Key: 'c', Value: 'd' },
      ],
    });
    const document = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'kms:*', Resource: '*' }] };
    const policy = ['--policy-name', 'p', '--policy-document', JSON.stringify(document)];
    await aws('iam', 'put-user-policy', '--user-name', 'bob', ...policy);
    expect(await aws('iam', 'get-user-policy', '--user-name', 'bob', '--policy-name', 'p')).toMatchObject({
      PolicyDocument: document,
    });
    expect(await aws('iam', 'list-groups')).toEqual({ Groups: [] });
    expect(await aws('iam', 'get-account-summary')).toHaveProperty('SummaryMap.Users', 2);
    await expect(aws('iam', 'get-user', '--user-name', 'nobody')).rejects.toThrow(/\(NoSuchEntity\)/);
  }, 120_000);

  test('the AWS CLI: KMS and CloudTrail', async ({ skip }) => {
    const missing = whyNo('aws');
    if (missing !== undefined) return skip(missing);
    const { KeyMetadata } = (await aws('kms', 'create-key', '--description', 'cli')) as {
      KeyMetadata: { KeyId: string };
    };
    const { KeyId } = KeyMetadata;
    // Files mean the same to both versions of the CLI, which read blobs on the command line differently.
    const file = (name: string, bytes: Buffer): string => {
      writeFileSync(join(folder, name), bytes);
      return `fileb://${join(folder, name)}`;
    };
    const context = ['--encryption-context', 'a=b'];
    const plaintext = file('plain', Buffer.from('hello'));
    const sealed = await aws('kms', 'encrypt', '--key-id', KeyId, '--plaintext', plaintext, ...context);
    const blob = ['--ciphertext-blob', file('sealed', Buffer.from(sealed['CiphertextBlob'] as string, 'base64'))];
    expect(await aws('kms', 'decrypt', ...blob, ...context)).toMatchObject({ Plaintext: 'aGVsbG8=' });
    await expect(aws('kms', 'decrypt', ...blob, '--encryption-context', 'a=c')).rejects.toThrow(
      /\(InvalidCiphertextException\)/,
    );
    expect(await aws('kms', 'list-aliases', '--key-id', KeyId)).toEqual({ Aliases: [] });
    const attribute = ['--lookup-attributes', 'AttributeKey=EventName,AttributeValue=CreateKey'];
    const { Events } = (await aws('cloudtrail', 'lookup-events', ...attribute)) as { Events: unknown[] };
    expect(Events.length).toBeGreaterThan(0);
  }, 120_000);
});
