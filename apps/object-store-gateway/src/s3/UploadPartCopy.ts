import { readCopyRange } from '../domain/range.js';
import { S3Error } from '../domain/s3-error.js';
import { copySource, openSource } from './copy-source.js';
import { storePart, uploadOf } from './multipart.js';
import { encryptionHeaders, quoted } from './object/headers.js';
import { MOST_BYTES } from './object/seal.js';
import type { Operation } from './operation.js';
import { partNumberParameter } from './parameters.js';
import { xml } from './reply.js';
import { document, text } from './xml.js';

export const UploadPartCopy: Operation = {
  name: 'UploadPartCopy',
  action: 's3:PutObject',
  scope: 'object',
  category: 'Data',
  readOnly: false,
  async run(call, gateway) {
    const { request } = call;
    const number = partNumberParameter(request);
    const upload = await uploadOf(call, gateway);
    const source = await copySource(gateway, request);
    const range = readCopyRange(request.header('x-amz-copy-source-range'), source.record.size);
    if (range.to - range.from > MOST_BYTES) throw new S3Error('EntityTooLarge');
    const plain = await openSource(gateway, request, source, range);
    try {
      const part = await storePart(gateway, call, upload, number, () => plain);
      const { checksum, encryption } = upload;
      const result = document(
        'CopyPartResult',
        text('LastModified', part.modifiedAt.toISOString()),
        text('ETag', quoted(part.etag)),
        checksum ? text(`Checksum${checksum.algorithm}`, part.checksum) : '',
      );
      return xml(result, encryptionHeaders(encryption));
    } finally {
      await plain.close();
    }
  },
};
