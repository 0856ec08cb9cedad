import { S3Error } from '../domain/s3-error.js';
import { uploadOf } from './multipart.js';
import { commitChange } from './object/commit.js';
import type { Operation } from './operation.js';
import { empty } from './reply.js';

export const AbortMultipartUpload: Operation = {
  name: 'AbortMultipartUpload',
  action: 's3:AbortMultipartUpload',
  scope: 'object',
  category: 'Data',
  readOnly: false,
  async run(call, gateway) {
    const { id } = await uploadOf(call, gateway);
    await commitChange(gateway, call.journal, {}, async (changes) => {
      const parts = await changes.parts(id);
      await changes.discard(parts.map(({ blob }) => blob));
      if (!(await changes.removeUpload(id))) throw new S3Error('NoSuchUpload', undefined, { UploadId: id });
    });
    return empty(204);
  },
};
