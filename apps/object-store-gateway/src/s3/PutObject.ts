import { checkWriteConditionSyntax } from '../domain/conditions.js';
import { chooseEncryption, DEFAULT_ENCRYPTION, readRequestedEncryption } from '../domain/encryption.js';
import type { ObjectRecord } from '../domain/object.js';
import { openBody } from './body/body.js';
import { Integrity } from './body/integrity.js';
import { commitObject } from './object/commit.js';
import { newDataKey } from './object/data-key.js';
import {
  checksumHeaders,
  conditionsOf,
  contextHeader,
  encryptionHeaders,
  keptHeaders,
  quoted,
} from './object/headers.js';
import { keepRecord } from './object/record.js';
import { MOST_BYTES, etagOf, sealBlob } from './object/seal.js';
import type { Operation } from './operation.js';
import { empty } from './reply.js';

export const PutObject: Operation = {
  name: 'PutObject',
  action: 's3:PutObject',
  scope: 'object',
  category: 'Data',
  readOnly: false,
  async run({ request, bucket, key, journal }, gateway) {
    const conditions = conditionsOf(request);
    checkWriteConditionSyntax(conditions);
    const headers = keptHeaders(request);
    const chosen = chooseEncryption(readRequestedEncryption(request.header), bucket.encryption ?? DEFAULT_ENCRYPTION);
    const integrity = new Integrity(request, { md5Wanted: chosen.algorithm === 'AES256' });
    const place = { bucket: bucket.name, key };
    const [{ dataKey, encryption }] = await Promise.all([
      newDataKey(gateway, request, place, chosen),
      journal.authorized(),
    ]);
    try {
      const sealed = await sealBlob(gateway.backend, place, dataKey, openBody(request, MOST_BYTES), integrity);
      const { segment, verified } = sealed;
      const record: ObjectRecord = {
        version: 1,
        ...place,
        modified: gateway.now().getTime(),
        size: segment.size,
        etag: etagOf(sealed, chosen.algorithm),
        headers,
        ...(verified.checksum ? { checksum: { ...verified.checksum, type: 'FULL_OBJECT' } } : {}),
        encryption,
        uploadId: '',
        segments: [segment],
      };
      const stored = await keepRecord(gateway, record, dataKey);
      const reply = {
        etag: quoted(record.etag),
        ...checksumHeaders(record),
        ...encryptionHeaders(encryption),
        ...contextHeader(encryption),
      };
      const sse = request.header('x-amz-server-side-encryption') === undefined ? 'Default_' : '';
      const extra = {
        SSEApplied: sse + (chosen.algorithm === 'aws:kms' ? 'SSE_KMS' : 'SSE_S3'),
        bytesTransferredIn: segment.size,
        bytesTransferredOut: 0,
      };
      await commitObject(gateway, stored, journal, { response: encryptionHeaders(encryption), extra }, { conditions });
      return empty(200, reply);
    } finally {
      dataKey.fill(0);
    }
  },
};
