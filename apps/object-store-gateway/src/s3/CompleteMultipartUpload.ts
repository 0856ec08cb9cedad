import { createHash } from 'node:crypto';
import { compositeChecksum, joinChecksums } from '../domain/checksum/algorithms.js';
import { checkWriteConditionSyntax } from '../domain/conditions.js';
import type { ObjectRecord, StoredChecksum } from '../domain/object.js';
import { chooseParts, readPartList } from '../domain/part-list.js';
import { S3Error } from '../domain/s3-error.js';
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
    const dataKey = await openDataKey(gateway, request, upload.encryption);
    const stored = newObject(record, dataKey);
    dataKey.fill(0);
    await gateway.backend.putRecord(record.segments[0]?.blob ?? '', recordBytes(stored));
    const extra = { uploadId: upload.id, parts: parts.length, size: record.size };
    await commitObject(
      gateway,
      stored,
      journal,
      { extra },
      {
        conditions,
        before: async (changes) => {
          const used = new Set(parts.map(({ blob }) => blob));
          const now = await changes.parts(upload.id);
          await changes.discard(now.map(({ blob }) => blob).filter((blob) => !used.has(blob)));
          if (!(await changes.removeUpload(upload.id)))
            throw new S3Error('NoSuchUpload', undefined, { UploadId: upload.id });
        },
      },
    );
    return xml(resultXml(call, record), encryptionHeaders(upload.encryption));
  },
};

async function readAsked(request: S3Request) {
  const body = parse(await readWhole(request, MOST_XML), 'CompleteMultipartUpload');
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
