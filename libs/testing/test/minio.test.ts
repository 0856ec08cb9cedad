import { CreateBucketCommand, ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { startMinio } from '../src/minio.js';

test('MinIO starts and takes a bucket', { timeout: 120_000 }, async (context) => {
  const { minio, reason } = await startMinio();
  if (!minio) return context.skip(reason);
  const { endpoint, region, accessKeyId, secretAccessKey } = minio;
  const s3 = new S3Client({ endpoint, region, credentials: { accessKeyId, secretAccessKey }, forcePathStyle: true });
  const Bucket = `keystead-${Date.now()}`;
  await s3.send(new CreateBucketCommand({ Bucket }));
  const { Buckets } = await s3.send(new ListBucketsCommand({}));
  expect(Buckets?.map(({ Name }) => Name)).toContain(Bucket);
  s3.destroy();
  await minio.stop();
});

test('an endpoint that is given is used as it is', async () => {
  const { minio } = await startMinio({ TEST_S3_ENDPOINT: 'http://127.0.0.1:1', TEST_S3_ACCESS_KEY_ID: 'me' });
  expect(minio).toMatchObject({ endpoint: 'http://127.0.0.1:1', accessKeyId: 'me', origin: 'TEST_S3_ENDPOINT' });
});
