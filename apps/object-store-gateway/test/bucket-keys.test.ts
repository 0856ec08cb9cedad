import {
  CreateAliasCommand,
  CreateKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  PutKeyPolicyCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { bucketKeys } from '../src/clients/bucket-keys.js';
import { Bucket, get, put, system } from './support/system.js';
import type { System } from './support/system.js';

const account = '000000000000';
let c: System;
let keyId: string;

beforeAll(async () => {
  c = await system();
}, 60_000);
afterAll(() => c[Symbol.asyncDispose]());
beforeEach(async () => {
  keyId = await newKey();
});

async function newKey(): Promise<string> {
  return (await c.kms.send(new CreateKeyCommand({}))).KeyMetadata?.KeyId ?? '';
}

const under = (SSEKMSKeyId: string) =>
  ({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId, BucketKeyEnabled: true }) as const;

/** How often kms-service was asked about the key of this test. */
async function calls(eventName: string): Promise<number> {
  const all = await c.records(eventName);
  return all.filter(({ requestParameters }) => JSON.stringify(requestParameters).includes(keyId)).length;
}

/** The sealed record of an object, as the index has it. */
async function recordOf(key: string): Promise<{ encryption: { wrappedKey: string; keySalt?: string } }> {
  const pool = c.cluster.database.pool('object-store-gateway');
  const { rows } = await pool.query<{ record: string }>('select record from object where key = $1', [Buffer.from(key)]);
  return JSON.parse((rows[0]?.record ?? '').split('\n')[0] ?? '') as never;
}

test('many objects of a bucket cost two calls of KMS, and each has a data key of its own', async () => {
  const keys = Array.from({ length: 12 }, (_, n) => `many/${n}`);
  await Promise.all(keys.map((key) => put(c.s3, key, key, under(keyId))));
  for (const key of keys) expect((await get(c.s3, key)).toString()).toBe(key);
  expect(await calls('GenerateDataKey')).toBe(1);
  expect(await calls('Decrypt')).toBe(1);
  const records = await Promise.all(keys.map(recordOf));
  expect(new Set(records.map(({ encryption }) => encryption.wrappedKey)).size).toBe(1);
  expect(new Set(records.map(({ encryption }) => encryption.keySalt)).size).toBe(keys.length);
});

test('parts of an upload are under its own key', async () => {
  // The SDK calls itself by another name for each operation, and callers of another name are asked for anew.
  const s3 = withAgent(c.client(), 'one');
  const named = { Bucket, Key: 'parts' };
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ ...named, ...under(keyId) }));
  const bodies = [Buffer.alloc(5 << 20, 1), Buffer.from('end')];
  const Parts = [];
  for (const [n, Body] of bodies.entries()) {
    const part = { ...named, UploadId, PartNumber: n + 1 };
    Parts.push({ PartNumber: n + 1, ETag: (await s3.send(new UploadPartCommand({ ...part, Body }))).ETag });
  }
  await s3.send(new CompleteMultipartUploadCommand({ ...named, UploadId, MultipartUpload: { Parts } }));
  expect((await get(s3, 'parts')).equals(Buffer.concat(bodies))).toBe(true);
  expect(await calls('GenerateDataKey')).toBe(1);
  expect(await calls('Decrypt')).toBe(1);
});

test('SSE-S3 does without KMS after the first object, and nobody sees its key', async () => {
  await put(c.s3, 's3/1', 'one');
  const [first, second] = [await recordOf('s3/1'), (await put(c.s3, 's3/2', 'two'), await recordOf('s3/2'))];
  expect(second.encryption.keySalt).not.toBe(first.encryption.keySalt);
  expect((await get(c.s3, 's3/1')).toString()).toBe('one');
  expect((await get(c.s3, 's3/2')).toString()).toBe('two');
});

test('the name of an object is part of its key: a record that is moved opens nothing', async () => {
  await put(c.s3, 'moved/a', 'of a', under(keyId));
  await put(c.s3, 'moved/b', 'of b', under(keyId));
  const pool = c.cluster.database.pool('object-store-gateway');
  const { rows } = await pool.query<{ record: string }>('select record from object where key = $1', [
    Buffer.from('moved/a'),
  ]);
  const forged = (rows[0]?.record ?? '').replace('"moved/a"', '"moved/b"');
  await pool.query('update object set record = $1 where key = $2', [forged, Buffer.from('moved/b')]);
  await expect(get(c.s3, 'moved/b')).rejects.toMatchObject({ $metadata: { httpStatusCode: 500 } });
});

describe('what was acknowledged is in force at once', () => {
  test('a disabled key opens nothing that is held', async () => {
    await put(c.s3, 'disabled', 'x', under(keyId));
    expect((await get(c.s3, 'disabled')).toString()).toBe('x');
    await c.kms.send(new DisableKeyCommand({ KeyId: keyId }));
    await expect(get(c.s3, 'disabled')).rejects.toMatchObject({ name: 'KMS.DisabledException' });
    await expect(put(c.s3, 'disabled', 'y', under(keyId))).rejects.toMatchObject({ name: 'KMS.DisabledException' });
    await c.kms.send(new EnableKeyCommand({ KeyId: keyId }));
    expect((await get(c.s3, 'disabled')).toString()).toBe('x');
  });

  test('an alias that names another key now does so for the next object', async () => {
    await c.kms.send(new CreateAliasCommand({ AliasName: 'alias/turning', TargetKeyId: keyId }));
    await put(c.s3, 'turn', 'x', under('alias/turning'));
    const next = await newKey();
    await c.kms.send(new UpdateAliasCommand({ AliasName: 'alias/turning', TargetKeyId: next }));
    const answer = await put(c.s3, 'turn', 'y', under('alias/turning'));
    expect(answer.SSEKMSKeyId).toContain(next);
    expect((await get(c.s3, 'turn')).toString()).toBe('y');
  });

  test('a key policy that no longer names the caller', async () => {
    const policy = (Principal: string): string =>
      JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { AWS: `arn:aws:iam::${account}:user/administrator` },
            Action: 'kms:PutKeyPolicy',
            Resource: '*',
          },
          {
            Effect: 'Allow',
            Principal: { AWS: Principal },
            Action: ['kms:GenerateDataKey', 'kms:Decrypt'],
            Resource: '*',
          },
        ],
      });
    const user = await reader('named-by-policy', []);
    const set = (principal: string) =>
      c.kms.send(
        new PutKeyPolicyCommand({ KeyId: keyId, Policy: policy(principal), BypassPolicyLockoutSafetyCheck: true }),
      );
    await set(`arn:aws:iam::${account}:user/named-by-policy`);
    await put(user, 'policy', 'x', under(keyId));
    expect((await get(user, 'policy')).toString()).toBe('x');
    await set(`arn:aws:iam::${account}:user/administrator`);
    await expect(get(user, 'policy')).rejects.toMatchObject({ name: 'AccessDenied' });
    await expect(put(user, 'policy', 'y', under(keyId))).rejects.toMatchObject({ name: 'AccessDenied' });
  });
});

test('what one caller may open serves no other caller', async () => {
  const stranger = await reader('without-kms', []);
  await put(c.s3, 'others', 'x', under(keyId));
  expect((await get(c.s3, 'others')).toString()).toBe('x');
  await expect(get(stranger, 'others')).rejects.toMatchObject({ name: 'AccessDenied' });
  await expect(put(stranger, 'others', 'y', under(keyId))).rejects.toMatchObject({ name: 'AccessDenied' });
  const allowed = await reader('with-kms', [{ Effect: 'Allow', Action: 'kms:Decrypt', Resource: '*' }]);
  expect((await get(allowed, 'others')).toString()).toBe('x');
});

test('nor the same caller from elsewhere, where a policy may say otherwise', async () => {
  const statement = {
    Effect: 'Allow',
    Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
    Resource: '*',
    Condition: { StringEquals: { 'aws:UserAgent': 'trusted' } },
  };
  const credentials = await c.user('by-agent', [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }, statement]);
  const trusted = withAgent(c.client({ credentials }), 'trusted');
  await put(trusted, 'agent', 'x', under(keyId));
  expect((await get(trusted, 'agent')).toString()).toBe('x');
  await expect(get(withAgent(c.client({ credentials }), 'other'), 'agent')).rejects.toMatchObject({
    name: 'AccessDenied',
  });
});

test('a bucket key is erased five seconds after it came, and is asked for anew before', async () => {
  vi.useFakeTimers();
  try {
    const answers: Buffer[] = [];
    const answer = () => {
      const plaintext = Buffer.alloc(32, 7);
      answers.push(plaintext);
      return Promise.resolve({ plaintext, wrapped: Buffer.from('wrapped'), keyArn: 'arn' });
    };
    const held = bucketKeys({ generate: answer, open: async () => (await answer()).plaintext }, []);
    const first = await held.generate('service', 'alias/a', {});
    expect(answers[0]).toEqual(Buffer.alloc(32));
    const derived = first.objectKey(Buffer.alloc(32), 'arn:aws:s3:::b/k');
    expect(first.objectKey(Buffer.alloc(32), 'arn:aws:s3:::b/l')).not.toEqual(derived);
    expect(await held.generate('service', 'alias/a', {})).toBe(first);
    vi.advanceTimersByTime(4_000);
    const second = await held.generate('service', 'alias/a', {});
    expect(second).not.toBe(first);
    vi.advanceTimersByTime(1_000);
    expect(() => first.objectKey(Buffer.alloc(32), 'arn:aws:s3:::b/k')).toThrow('after its time');
    expect(second.objectKey(Buffer.alloc(32), 'arn:aws:s3:::b/k')).toEqual(derived);
    held.close();
  } finally {
    vi.useRealTimers();
  }
});

async function reader(name: string, statements: readonly object[]): Promise<S3Client> {
  const credentials = await c.user(name, [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }, ...statements]);
  return c.client({ credentials });
}

function withAgent(client: S3Client, agent: string): S3Client {
  client.middlewareStack.add(
    (next) => (args) => {
      (args.request as { headers: Record<string, string> }).headers['user-agent'] = agent;
      return next(args);
    },
    { step: 'build', priority: 'low' },
  );
  return client;
}
