import { DEFAULT_ENCRYPTION } from '../domain/encryption.js';
import type { Operation } from './operation.js';
import { xml } from './reply.js';
import { document, element, text } from './xml.js';

/** Always answers a rule: that of S3's own default where nobody configured one. */
export const GetBucketEncryption: Operation = {
  name: 'GetBucketEncryption',
  action: 's3:GetEncryptionConfiguration',
  scope: 'bucket',
  category: 'Management',
  readOnly: true,
  run({ bucket }) {
    const { algorithm, kmsKeyId, bucketKeyEnabled } = bucket.encryption ?? DEFAULT_ENCRYPTION;
    const applied = element(
      'ApplyServerSideEncryptionByDefault',
      text('SSEAlgorithm', algorithm),
      text('KMSMasterKeyID', kmsKeyId),
    );
    const rule = element('Rule', applied, text('BucketKeyEnabled', bucketKeyEnabled));
    return Promise.resolve(xml(document('ServerSideEncryptionConfiguration', rule)));
  },
};
