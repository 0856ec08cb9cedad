import { S3Error } from '../domain/s3-error.js';
import type { Gateway } from '../gateway.js';
import { removeBucket } from '../store/buckets.js';
import { commitChange } from './object/commit.js';
import type { BucketCall, Operation } from './operation.js';
import { empty } from './reply.js';

export const DeleteBucket: Operation = {
  name: 'DeleteBucket',
  action: 's3:DeleteBucket',
  scope: 'bucket',
  category: 'Management',
  readOnly: false,
  async run({ bucket, journal }: BucketCall, gateway: Gateway) {
    await commitChange(gateway, journal, {}, async (tx) => {
      if (!(await removeBucket(tx, bucket.name)))
        throw new S3Error('BucketNotEmpty', undefined, { BucketName: bucket.name });
    });
    return empty(204);
  },
};
