import { storedObject } from './object/record.js';
import type { Operation } from './operation.js';
import { xml } from './reply.js';
import { document, element } from './xml.js';

/** Always the empty set, because no object can have tags: the AWS CLI asks before it copies in parts. */
export const GetObjectTagging: Operation = {
  name: 'GetObjectTagging',
  action: 's3:GetObjectTagging',
  scope: 'object',
  findsObject: true,
  category: 'Data',
  readOnly: true,
  async run({ request, bucket, key, found }, gateway) {
    await storedObject(gateway, request, bucket, key, found);
    return xml(document('Tagging', element('TagSet')));
  },
};
