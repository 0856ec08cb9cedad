import { randomBytes } from 'node:crypto';
import { CHECKSUM_ALGORITHMS } from '../domain/checksum/algorithms.js';
import type { ChecksumAlgorithm } from '../domain/checksum/algorithms.js';
import { chooseEncryption, DEFAULT_ENCRYPTION, readRequestedEncryption } from '../domain/encryption.js';
import { S3Error } from '../domain/s3-error.js';
import type { Upload } from '../store/uploads.js';
import type { S3Request } from './http/request.js';
import { commitChange } from './object/commit.js';
import { newDataKey } from './object/data-key.js';
import { contextHeader, encryptionHeaders, keptHeaders } from './object/headers.js';
import type { Operation } from './operation.js';
import { xml } from './reply.js';
import { document, text } from './xml.js';

/** Makes the data key of all parts: KMS is asked for GenerateDataKey here, and for Decrypt with every part. */
export const CreateMultipartUpload: Operation = {
  name: 'CreateMultipartUpload',
  action: 's3:PutObject',
  scope: 'object',
  category: 'Data',
  readOnly: false,
  async run({ request, bucket, key, journal }, gateway) {
    const headers = keptHeaders(request);
    const checksum = readChecksum(request);
    const chosen = chooseEncryption(readRequestedEncryption(request.header), bucket.encryption ?? DEFAULT_ENCRYPTION);
    const { dataKey, encryption } = await newDataKey(gateway, request, { bucket: bucket.name, key }, chosen);
    dataKey.fill(0);
    const principal = request.context.principal;
    const upload: Upload = {
      id: randomBytes(24).toString('base64url'),
      bucket: bucket.name,
      key,
      initiatedAt: gateway.now(),
      initiator: principal?.arn ?? '',
      initiatorName: principal?.userName || (principal?.account ?? ''),
      headers,
      encryption,
      checksum,
    };
    const outcome = { response: { uploadId: upload.id, ...encryptionHeaders(encryption) } };
    await commitChange(gateway, journal, outcome, (changes) => changes.addUpload(upload));
    const result = document(
      'InitiateMultipartUploadResult',
      text('Bucket', bucket.name),
      text('Key', key),
      text('UploadId', upload.id),
    );
    return xml(result, {
      ...encryptionHeaders(encryption),
      ...contextHeader(encryption),
      'x-amz-checksum-algorithm': checksum?.algorithm,
      'x-amz-checksum-type': checksum?.type,
    });
  },
};

function readChecksum(request: S3Request): Upload['checksum'] {
  const algorithm = request.header('x-amz-checksum-algorithm')?.toUpperCase();
  const type = request.header('x-amz-checksum-type')?.toUpperCase();
  if (algorithm === undefined && type === undefined) return undefined;
  if (!isAlgorithm(algorithm)) {
    throw new S3Error(
      'InvalidRequest',
      'Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]',
    );
  }
  const chosen = type ?? (algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE');
  const hash = algorithm.startsWith('SHA');
  if (
    (chosen !== 'FULL_OBJECT' && chosen !== 'COMPOSITE') ||
    (chosen === 'FULL_OBJECT' ? hash : algorithm === 'CRC64NVME')
  ) {
    throw new S3Error(
      'InvalidRequest',
      `The ${chosen} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
    );
  }
  return { algorithm, type: chosen };
}

function isAlgorithm(name: string | undefined): name is ChecksumAlgorithm {
  return (CHECKSUM_ALGORITHMS as readonly (string | undefined)[]).includes(name);
}
