import { CHECKSUM_ALGORITHMS } from '../domain/checksum/algorithms.js';
import type { ChecksumAlgorithm } from '../domain/checksum/algorithms.js';
import { checkWriteConditionSyntax } from '../domain/conditions.js';
import { chooseEncryption, DEFAULT_ENCRYPTION, readRequestedEncryption } from '../domain/encryption.js';
import type { ObjectRecord } from '../domain/object.js';
import { S3Error } from '../domain/s3-error.js';
import { Integrity } from './body/integrity.js';
import { copySource, openSource } from './copy-source.js';
import type { S3Request } from './http/request.js';
import { conditionsOf, contextHeader, encryptionHeaders, keptHeaders, quoted } from './object/headers.js';
import { MOST_BYTES } from './object/seal.js';
import { writeObject } from './object/write.js';
import type { ObjectCall, Operation } from './operation.js';
import { xml } from './reply.js';
import { document, text } from './xml.js';

/**
 * Opens the source and seals it again: the keys of every segment are bound to bucket and key, and encryption is never
 * inherited from the source. A copy onto itself with another encryption is the classic way to change an object's key.
 */
export const CopyObject: Operation = {
  name: 'CopyObject',
  action: 's3:PutObject',
  scope: 'object',
  category: 'Data',
  readOnly: false,
  async run(call, gateway) {
    const { request, bucket } = call;
    const conditions = writeConditions(request);
    const requested = readRequestedEncryption(request.header);
    const chosen = chooseEncryption(requested, bucket.encryption ?? DEFAULT_ENCRYPTION);
    const replace = directive(request);
    const source = await copySource(gateway, request);
    const { record: from } = source;
    if (from.size > MOST_BYTES)
      throw new S3Error(
        'InvalidRequest',
        `The specified copy source is larger than the maximum allowable size for a copy source: ${MOST_BYTES}`,
      );
    if (!replace && isSame(call, from) && Object.keys(requested).length === 0) throw unchanged();
    const algorithm = wantedChecksum(request) ?? from.checksum?.algorithm;
    const plain = await openSource(gateway, request, source, { from: 0, to: from.size });
    try {
      const record = await writeObject(gateway, call, {
        chosen,
        conditions,
        headers: replace ? keptHeaders(request) : from.headers,
        integrity: new Integrity(request, {
          md5Wanted: chosen.algorithm === 'AES256',
          ...(algorithm ? { fallback: algorithm } : {}),
        }),
        open: () => plain,
        extra: (size) => ({ bytesTransferredIn: 0, bytesTransferredOut: 0, bytesCopied: size }),
      });
      return xml(resultXml(record), { ...encryptionHeaders(record.encryption), ...contextHeader(record.encryption) });
    } finally {
      await plain.close();
    }
  },
};

function writeConditions(request: S3Request) {
  const conditions = conditionsOf(request);
  checkWriteConditionSyntax(conditions);
  return conditions;
}

/** True for REPLACE. */
function directive(request: S3Request): boolean {
  const value = request.header('x-amz-metadata-directive') ?? 'COPY';
  if (value === 'COPY' || value === 'REPLACE') return value === 'REPLACE';
  const details = { ArgumentName: 'x-amz-metadata-directive', ArgumentValue: value.slice(0, 64) };
  throw new S3Error('InvalidArgument', 'Unknown metadata directive.', details);
}

function wantedChecksum(request: S3Request): ChecksumAlgorithm | undefined {
  const name = request.header('x-amz-checksum-algorithm')?.toUpperCase();
  return CHECKSUM_ALGORITHMS.find((algorithm) => algorithm === name);
}

const isSame = ({ bucket, key }: ObjectCall, from: ObjectRecord): boolean =>
  from.bucket === bucket.name && from.key === key;

function unchanged(): S3Error {
  return new S3Error(
    'InvalidRequest',
    "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
  );
}

function resultXml({ etag, modified, checksum }: ObjectRecord): string {
  return document(
    'CopyObjectResult',
    text('LastModified', new Date(modified).toISOString()),
    text('ETag', quoted(etag)),
    checksum ? text(`Checksum${checksum.algorithm}`, checksum.value) : '',
    text('ChecksumType', checksum?.type),
  );
}
