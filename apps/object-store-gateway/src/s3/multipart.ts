import { S3Error } from '../domain/s3-error.js';
import type { Gateway } from '../gateway.js';
import type { Part, Upload } from '../store/uploads.js';
import { Integrity } from './body/integrity.js';
import type { Journal } from './journal.js';
import { commitChange } from './object/commit.js';
import { openDataKey } from './object/data-key.js';
import { etagOf, sealBlob } from './object/seal.js';
import type { PlainSource } from './object/seal.js';
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
  const [dataKey] = await Promise.all([openDataKey(gateway, request, encryption), journal.authorized()]);
  try {
    const place = { bucket, key, part: { number, uploadId } };
    const sealed = await sealBlob(gateway.backend, place, dataKey, await open(), integrity);
    const { segment, verified } = sealed;
    const counted = verified.checksum;
    if (checksum && counted && counted.algorithm !== checksum.algorithm)
      throw wrongAlgorithm(counted.algorithm, checksum.algorithm);
    const part: Part = {
      number,
      blob: segment.blob,
      size: segment.size,
      etag: etagOf(sealed, encryption.algorithm),
      header: segment.header,
      checksum: checksum ? counted?.value : undefined,
      modifiedAt: gateway.now(),
    };
    await keepPart(gateway, journal, uploadId, part);
    return part;
  } finally {
    dataKey.fill(0);
  }
}

async function keepPart(gateway: Gateway, journal: Journal, uploadId: string, part: Part): Promise<void> {
  const extra = { bytesTransferredIn: part.size, bytesTransferredOut: 0 };
  try {
    await commitChange(gateway, journal, { extra }, async (changes) => {
      const old = await changes.putPart(uploadId, part);
      await changes.discard(old === undefined ? [] : [old]);
    });
  } catch (error) {
    // The upload may have ended while the part was on its way.
    if (await gateway.store.uploadExists(uploadId)) throw error;
    throw new S3Error('NoSuchUpload', undefined, { UploadId: uploadId });
  }
}

function wrongAlgorithm(given: string, wanted: string): S3Error {
  return new S3Error(
    'InvalidRequest',
    `Checksum Type mismatch occurred, expected checksum Type: ${wanted.toLowerCase()}, actual checksum Type: ${given.toLowerCase()}`,
  );
}
