import type { Operation } from './operation.js';
import { xml } from './reply.js';
import { document } from './xml.js';

/** Buckets are unversioned: S3 answers an empty configuration for a bucket on which versioning was never set. */
export const GetBucketVersioning: Operation = {
  name: 'GetBucketVersioning',
  action: 's3:GetBucketVersioning',
  scope: 'bucket',
  category: 'Management',
  readOnly: true,
  run: () => Promise.resolve(xml(document('VersioningConfiguration'))),
};
