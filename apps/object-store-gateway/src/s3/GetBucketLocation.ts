import type { Operation } from './operation.js';
import { xml } from './reply.js';
import { document } from './xml.js';

export const GetBucketLocation: Operation = {
  name: 'GetBucketLocation',
  action: 's3:GetBucketLocation',
  scope: 'bucket',
  category: 'Management',
  readOnly: true,
  // us-east-1 has no location constraint: S3's oldest peculiarity, which clients rely on.
  run: (_call, { region }) =>
    Promise.resolve(xml(document('LocationConstraint', region === 'us-east-1' ? '' : region))),
};
