import { commitChange } from './object/commit.js';
import { deleteObject, forgetRecords } from './object/delete.js';
import type { Operation } from './operation.js';
import { empty } from './reply.js';

/** Answers 204 whether there was an object or not. */
export const DeleteObject: Operation = {
  name: 'DeleteObject',
  action: 's3:DeleteObject',
  scope: 'object',
  category: 'Data',
  readOnly: false,
  async run({ request, bucket, key, journal }, gateway) {
    let blob: string | undefined;
    await commitChange(gateway, journal, {}, async (changes) => {
      blob = await deleteObject(changes, bucket.name, key, request.header('if-match'));
    });
    await forgetRecords(gateway, [blob]);
    return empty(204);
  },
};
