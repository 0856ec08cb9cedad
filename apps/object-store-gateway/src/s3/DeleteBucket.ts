import { S3Error } from '../domain/s3-error.js';
import { commitChange } from './object/commit.js';
import type { Operation } from './operation.js';
import { empty } from './reply.js';

export const DeleteBucket: Operation = {
  name: 'DeleteBucket',
  action: 's3:DeleteBucket',
  scope: 'bucket',
  category: 'Management',
  readOnly: false,
  async run({ bucket, journal }, gateway) {
    await commitChange(gateway, journal, {}, async (changes) => {
      if (!(await changes.removeBucket(bucket.name)))
        throw new S3Error('BucketNotEmpty', undefined, { BucketName: bucket.name });
    });
    return empty(204);
  },
};
