import { checkWriteConditionSyntax } from '../domain/conditions.js';
import { chooseEncryption, DEFAULT_ENCRYPTION, readRequestedEncryption } from '../domain/encryption.js';
import { openBody, plainLength } from './body/body.js';
import { Integrity } from './body/integrity.js';
import {
  checksumHeaders,
  conditionsOf,
  contextHeader,
  encryptionHeaders,
  keptHeaders,
  quoted,
} from './object/headers.js';
import { MOST_BYTES } from './object/seal.js';
import { writeObject } from './object/write.js';
import { SHORT_BODY } from './journal.js';
import type { Operation } from './operation.js';
import { empty } from './reply.js';

export const PutObject: Operation = {
  name: 'PutObject',
  action: 's3:PutObject',
  scope: 'object',
  checksBucketLast: true,
  category: 'Data',
  readOnly: false,
  async run(call, gateway) {
    const { request, bucket } = call;
    const conditions = conditionsOf(request);
    checkWriteConditionSyntax(conditions);
    const requested = readRequestedEncryption(request.header);
    const chosen = chooseEncryption(requested, bucket.encryption ?? DEFAULT_ENCRYPTION);
    const applied = chosen.algorithm === 'aws:kms' ? 'SSE_KMS' : 'SSE_S3';
    const record = await writeObject(gateway, call, {
      chosen,
      conditions,
      headers: keptHeaders(request),
      integrity: new Integrity(request, { md5Wanted: chosen.algorithm === 'AES256' }),
      open: () => openBody(request, MOST_BYTES),
      recordedOnce: plainLength(request) <= SHORT_BODY,
      extra: (size) => ({
        SSEApplied: requested.algorithm ? applied : `Default_${applied}`,
        bytesTransferredIn: size,
        bytesTransferredOut: 0,
      }),
    });
    return empty(200, {
      etag: quoted(record.etag),
      ...checksumHeaders(record),
      ...encryptionHeaders(record.encryption),
      ...contextHeader(record.encryption),
    });
  },
};
