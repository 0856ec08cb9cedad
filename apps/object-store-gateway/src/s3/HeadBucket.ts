import type { Operation } from './operation.js';
import { empty } from './reply.js';

export const HeadBucket: Operation = {
  name: 'HeadBucket',
  action: 's3:ListBucket',
  scope: 'bucket',
  category: 'Management',
  readOnly: true,
  run: (_call, gateway) =>
    Promise.resolve(empty(200, { 'x-amz-bucket-region': gateway.region, 'x-amz-access-point-alias': 'false' })),
};
