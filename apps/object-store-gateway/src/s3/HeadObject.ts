import { describe } from './GetObject.js';
import { storedObject } from './object/record.js';
import type { Operation } from './operation.js';

/** Never calls KMS: it works for an object whose key is disabled. */
export const HeadObject: Operation = {
  name: 'HeadObject',
  action: 's3:GetObject',
  scope: 'object',
  category: 'Data',
  readOnly: true,
  async run({ request, bucket, key }, gateway) {
    const place = { bucket: bucket.name, account: bucket.account };
    const { record } = await storedObject(gateway, request, place, key);
    return describe(request, record).reply;
  },
};
