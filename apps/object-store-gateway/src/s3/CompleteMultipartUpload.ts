import { createHash } from 'node:crypto';
import { compositeChecksum, joinChecksums } from '../domain/checksum/algorithms.js';
import { checkWriteConditionSyntax } from '../domain/conditions.js';
import type { ObjectRecord, StoredChecksum } from '../domain/object.js';
import { chooseParts, invalidPart, readPartList } from '../domain/part-list.js';
import { S3Error } from '../domain/s3-error.js';
import type { Changes } from '../store/gateway-store.js';
import type { Part, Upload } from '../store/uploads.js';
import { readWhole } from './body/body.js';
import type { S3Request } from './http/request.js';
import { uploadOf } from './multipart.js';
import { commitObject } from './object/commit.js';
import { openDataKey } from './object/data-key.js';
import { conditionsOf, encryptionHeaders, quoted } from './object/headers.js';
import { newObject, recordBytes } from './object/record.js';
import type { ObjectCall, Operation } from './operation.js';
import { xml } from './reply.js';
import { children, document, parse, text, textOf } from './xml.js';

const MOST_XML = 4 * 1024 * 1024;
/** Of 10,000 parts: begin and end of Part, PartNumber, ETag, and a checksum or two. */
const MOST_TAGS = 10_000 * 10 + 100;

/** Joins parts without touching them: the new object's record names them in their order, under a MAC. */
export const CompleteMultipartUpload: Operation = {
  name: 'CompleteMultipartUpload',
  action: 's3:PutObject',
  scope: 'object',
  category: 'Data',
  readOnly: false,
  async run(call, gateway) {
    const { request, journal } = call;
    const conditions = conditionsOf(request);
    checkWriteConditionSyntax(conditions);
    const asked = await readAsked(request);
    const upload = await uploadOf(call, gateway);
    const kept = await gateway.store.parts(upload.id);
    const parts = chooseParts(readPartList(asked), kept, upload.id);
    checkSizes(parts);
    const record = recordOf(upload, parts, gateway.now());
    checkDeclared(request, record);
    const dataKey = await openDataKey(gateway, request, upload, upload.encryption);
    const stored = newObject(record, dataKey);
    dataKey.fill(0);
    const first = record.segments[0]?.blob ?? '';
    await gateway.backend.putRecord(first, recordBytes(stored));
    const extra = { uploadId: upload.id, parts: parts.length, size: record.size };
    await commitObject(
      gateway,
      stored,
      journal,
      { extra },
      {
        conditions,
        before: (changes) => endUpload(changes, upload.id, parts),
      },
    ).catch(async (error: unknown) => {
      // Refused: no rebuild may find an object that nobody was promised. After any other failure it may be there.
      if (error instanceof S3Error) await gateway.backend.removeRecord(first);
      throw error;
    });
    return xml(resultXml(call, record), encryptionHeaders(upload.encryption));
  },
};

/**
 * Ends an upload whose parts became an object; the others are garbage. A part may have been sent again since it was
 * chosen (an SDK's first attempt that arrives after the second): then its blob is garbage already, and no object may name it.
 */
async function endUpload(changes: Changes, uploadId: string, chosen: readonly Part[]): Promise<void> {
  const present = new Set((await changes.lockParts(uploadId)).map(({ blob }) => blob));
  if (!(await changes.removeUpload(uploadId))) throw new S3Error('NoSuchUpload', undefined, { UploadId: uploadId });
  for (const { blob, number, etag } of chosen) {
    if (!present.delete(blob)) throw invalidPart({ number, etag }, uploadId);
  }
  await changes.discard([...present]);
}

async function readAsked(request: S3Request) {
  const body = parse(await readWhole(request, MOST_XML), 'CompleteMultipartUpload', MOST_TAGS);
  return children(body, 'Part').map((part) => ({
    number: textOf(part, 'PartNumber') ?? '',
    etag: textOf(part, 'ETag') ?? '',
    checksums: Object.fromEntries(
      Object.keys(part)
        .filter((name) => name.startsWith('Checksum'))
        .map((name) => [name.slice('Checksum'.length), textOf(part, name) ?? '']),
    ),
  }));
}

const LEAST_PART = 5 * 1024 * 1024;

function checkSizes(parts: readonly Part[]): void {
  const small = parts.slice(0, -1).find(({ size }) => size < LEAST_PART);
  if (!small) return;
  throw new S3Error('EntityTooSmall', undefined, {
    ProposedSize: String(small.size),
    MinSizeAllowed: String(LEAST_PART),
    PartNumber: String(small.number),
    ETag: small.etag,
  });
}

function recordOf(upload: Upload, parts: readonly Part[], now: Date): ObjectRecord {
  const digest = createHash('md5');
  for (const { etag } of parts) digest.update(Buffer.from(etag, 'hex'));
  const checksum = checksumOf(upload, parts);
  return {
    version: 1,
    bucket: upload.bucket,
    key: upload.key,
    modified: now.getTime(),
    size: parts.reduce((sum, { size }) => sum + size, 0),
    etag: `${digest.digest('hex')}-${parts.length}`,
    headers: upload.headers,
    ...(checksum ? { checksum } : {}),
    encryption: upload.encryption,
    uploadId: upload.id,
    segments: parts.map(({ blob, number, size, header }) => ({ blob, part: number, size, header })),
  };
}

function checksumOf({ checksum }: Upload, parts: readonly Part[]): StoredChecksum | undefined {
  if (!checksum) return undefined;
  const { algorithm, type } = checksum;
  const values = parts.map(({ checksum: value, size }) => ({ value: value ?? '', size }));
  const joined = type === 'FULL_OBJECT' ? joinChecksums(algorithm, values) : undefined;
  return { algorithm, type, value: joined ?? compositeChecksum(algorithm, values) };
}

/** Holds what the caller says of the whole object against what the parts add up to. */
function checkDeclared(request: S3Request, { size, checksum }: ObjectRecord): void {
  const declaredSize = request.header('x-amz-mp-object-size');
  if (declaredSize !== undefined && declaredSize !== String(size)) {
    throw new S3Error(
      'InvalidRequest',
      'The provided x-amz-mp-object-size header value does not match the object size.',
    );
  }
  const declared = checksum && request.header(`x-amz-checksum-${checksum.algorithm.toLowerCase()}`);
  if (declared !== undefined && declared !== checksum?.value) {
    throw new S3Error(
      'BadDigest',
      `The ${checksum?.algorithm ?? ''} you specified did not match the calculated checksum.`,
    );
  }
}

function resultXml({ request, bucket, key }: ObjectCall, { etag, checksum }: ObjectRecord): string {
  return document(
    'CompleteMultipartUploadResult',
    text(
      'Location',
      `http://${request.header('host') ?? ''}/${bucket.name}/${encodeURIComponent(key).replace(/%2F/g, '/')}`,
    ),
    text('Bucket', bucket.name),
    text('Key', key),
    text('ETag', quoted(etag)),
    checksum ? text(`Checksum${checksum.algorithm}`, checksum.value) : '',
    text('ChecksumType', checksum?.type),
  );
}
