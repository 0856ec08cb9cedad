import { storedObject } from './object/record.js';
import type { Operation } from './operation.js';
import { xml } from './reply.js';
import { document, element } from './xml.js';

/** Always the empty set, because no object can have tags: the AWS CLI asks before it copies in parts. */
export const GetObjectTagging: Operation = {
  name: 'GetObjectTagging',
  action: 's3:GetObjectTagging',
  scope: 'object',
  category: 'Data',
  readOnly: true,
  async run({ request, bucket, key }, gateway) {
    await storedObject(gateway, request, { bucket: bucket.name, account: bucket.account }, key);
    return xml(document('Tagging', element('TagSet')));
  },
};
