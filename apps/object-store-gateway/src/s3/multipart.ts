import { S3Error } from '../domain/s3-error.js';
import type { Gateway } from '../gateway.js';
import type { Part, Upload } from '../store/uploads.js';
import { Integrity } from './body/integrity.js';
import { openDataKey, recordedKey } from './object/data-key.js';
import { etagOf, sealBlob } from './object/seal.js';
import type { Finish, PlainSource, Sealed } from './object/seal.js';
import type { ObjectCall } from './operation.js';

/**
 * The upload that a request names.
 *
 * @throws {S3Error} NoSuchUpload
 */
export async function uploadOf({ request, bucket, key }: ObjectCall, { store }: Gateway): Promise<Upload> {
  const id = request.query.get('uploadId') ?? '';
  const upload = await store.upload(bucket.name, key, id);
  if (!upload) throw new S3Error('NoSuchUpload', undefined, { UploadId: id.slice(0, 128) });
  return upload;
}

/** Seals and keeps one part; the record of authorization is durable before its first byte is taken. */
export async function storePart(
  gateway: Gateway,
  { request, journal }: Pick<ObjectCall, 'request' | 'journal'>,
  upload: Upload,
  number: number,
  open: () => Promise<PlainSource> | PlainSource,
): Promise<Part> {
  const { bucket, key, id: uploadId, encryption, checksum } = upload;
  const md5Wanted = encryption.algorithm === 'AES256';
  const integrity = new Integrity(request, { md5Wanted, ...(checksum ? { fallback: checksum.algorithm } : {}) });
  const opening = openDataKey(gateway, request, upload, encryption);
  const dataKey = await recordedKey(opening, journal.authorized(), (key) => key);
  const place = { bucket, key, part: { number, uploadId } };
  let part: Part | undefined;
  const finish = (sealed: Sealed): Finish => {
    const counted = sealed.verified.checksum;
    if (checksum && counted && counted.algorithm !== checksum.algorithm) {
      throw wrongAlgorithm(counted.algorithm, checksum.algorithm);
    }
    part = {
      number,
      blob: sealed.segment.blob,
      size: sealed.segment.size,
      etag: etagOf(sealed, encryption.algorithm),
      header: sealed.segment.header,
      checksum: checksum ? counted?.value : undefined,
      modifiedAt: gateway.now(),
    };
    const extra = { bytesTransferredIn: part.size, bytesTransferredOut: 0 };
    return { meanwhile: journal.completed({ extra }) };
  };
  try {
    const sealing = { now: gateway.now(), place, dataKey, source: await open(), integrity };
    await sealBlob(gateway.backend, sealing, finish);
  } finally {
    dataKey.fill(0);
  }
  if (!part) throw new RangeError('a sealed part is known');
  await keepPart(gateway, uploadId, part);
  journal.settled = true;
  return part;
}

async function keepPart({ store }: Gateway, uploadId: string, part: Part): Promise<void> {
  try {
    await store.putPart(uploadId, part);
  } catch (error) {
    // The upload may have ended while the part was on its way.
    if (await store.uploadExists(uploadId)) throw error;
    throw new S3Error('NoSuchUpload', undefined, { UploadId: uploadId });
  }
}

function wrongAlgorithm(given: string, wanted: string): S3Error {
  return new S3Error(
    'InvalidRequest',
    `Checksum Type mismatch occurred, expected checksum Type: ${wanted.toLowerCase()}, actual checksum Type: ${given.toLowerCase()}`,
  );
}
