import { openBody } from './body/body.js';
import { storePart, uploadOf } from './multipart.js';
import { encryptionHeaders, quoted } from './object/headers.js';
import { MOST_BYTES } from './object/seal.js';
import type { Operation } from './operation.js';
import { partNumberParameter } from './parameters.js';
import { empty } from './reply.js';

export const UploadPart: Operation = {
  name: 'UploadPart',
  action: 's3:PutObject',
  scope: 'object',
  category: 'Data',
  readOnly: false,
  async run(call, gateway) {
    const number = partNumberParameter(call.request);
    const upload = await uploadOf(call, gateway);
    const part = await storePart(gateway, call, upload, number, () => openBody(call.request, MOST_BYTES));
    const { checksum, encryption } = upload;
    return empty(200, {
      etag: quoted(part.etag),
      ...encryptionHeaders(encryption),
      ...(checksum && part.checksum ? { [`x-amz-checksum-${checksum.algorithm.toLowerCase()}`]: part.checksum } : {}),
    });
  },
};
