import { commitChange } from './object/commit.js';
import type { Operation } from './operation.js';
import { empty } from './reply.js';

/** Returns to S3's own default, AES256. */
export const DeleteBucketEncryption: Operation = {
  name: 'DeleteBucketEncryption',
  action: 's3:PutEncryptionConfiguration',
  scope: 'bucket',
  category: 'Management',
  readOnly: false,
  async run({ bucket, journal }, gateway) {
    await commitChange(gateway, journal, {}, (changes) => changes.setBucketEncryption(bucket.name, undefined));
    return empty(204);
  },
};
