import { describe } from './GetObject.js';
import { storedObject } from './object/record.js';
import type { Operation } from './operation.js';

/** Never calls KMS: it works for an object whose key is disabled. */
export const HeadObject: Operation = {
  name: 'HeadObject',
  action: 's3:GetObject',
  scope: 'object',
  findsObject: true,
  category: 'Data',
  readOnly: true,
  async run({ request, bucket, key, found }, gateway) {
    const { record } = await storedObject(gateway, request, bucket, key, found);
    return describe(request, record).reply;
  },
};
