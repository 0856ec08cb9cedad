import type { Queryable } from '@keystead/db';
import type { ChecksumAlgorithm } from '../domain/checksum/algorithms.js';
import type { KeptHeaders, StoredChecksum, StoredEncryption } from '../domain/object.js';

/** A multipart upload under way. */
export interface Upload {
  readonly id: string;
  readonly bucket: string;
  readonly key: string;
  readonly initiatedAt: Date;
  /** ARN and name of who began it. */
  readonly initiator: string;
  readonly initiatorName: string;
  readonly headers: KeptHeaders;
  readonly encryption: StoredEncryption;
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly type: StoredChecksum['type'] } | undefined;
}

/** An uploaded part. */
export interface Part {
  readonly number: number;
  readonly blob: string;
  readonly size: number;
  readonly etag: string;
  readonly header: string;
  /** Base64, of the upload's algorithm. */
  readonly checksum: string | undefined;
  readonly modifiedAt: Date;
}

interface UploadRow {
  id: string;
  bucket: string;
  key: Buffer;
  initiated_at: Date;
  initiator: string;
  initiator_name: string;
  headers: KeptHeaders;
  encryption: StoredEncryption;
  checksum_algorithm: ChecksumAlgorithm | null;
  checksum_type: StoredChecksum['type'] | null;
}

interface PartRow {
  number: number;
  blob: string;
  size: bigint;
  etag: string;
  header: string;
  checksum: string | null;
  modified_at: Date;
}

const UPLOAD =
  'id, bucket, key, initiated_at, initiator, initiator_name, headers, encryption, checksum_algorithm, checksum_type';
const PART = 'number, blob, size, etag, header, checksum, modified_at';

export async function addUpload(tx: Queryable, upload: Upload): Promise<void> {
  await tx.query({
    name: 'upload_add',
    text: `insert into upload (${UPLOAD}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    values: [
      upload.id,
      upload.bucket,
      Buffer.from(upload.key, 'utf8'),
      upload.initiatedAt,
      upload.initiator,
      upload.initiatorName,
      JSON.stringify(upload.headers),
      JSON.stringify(upload.encryption),
      upload.checksum?.algorithm ?? null,
      upload.checksum?.type ?? null,
    ],
  });
}

export async function findUpload(db: Queryable, bucket: string, key: string, id: string): Promise<Upload | undefined> {
  const { rows } = await db.query<UploadRow>({
    name: 'upload_find',
    text: `select ${UPLOAD} from upload where id = $1 and bucket = $2 and key = $3`,
    values: [id, bucket, Buffer.from(key, 'utf8')],
  });
  return rows[0] && uploadOf(rows[0]);
}

export async function uploadExists(db: Queryable, id: string): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'upload_exists',
    text: 'select 1 from upload where id = $1',
    values: [id],
  });
  return rowCount === 1;
}

/** Ends an upload with its parts; false when somebody else has done so. */
export async function removeUpload(tx: Queryable, id: string): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'upload_remove',
    text: 'delete from upload where id = $1',
    values: [id],
  });
  return rowCount === 1;
}

/** Uploads of a bucket by key and id, from behind (`afterKey`, `afterId`). */
export async function listUploads(
  db: Queryable,
  bucket: string,
  { afterKey, afterId, limit }: { afterKey: Buffer; afterId: string; limit: number },
): Promise<Upload[]> {
  const { rows } = await db.query<UploadRow>({
    name: 'upload_list',
    text: `select ${UPLOAD} from upload where bucket = $1 and (key, id) > ($2, $3) order by key, id limit $4`,
    values: [bucket, afterKey, afterId, limit],
  });
  return rows.map(uploadOf);
}

/** Keeps a part in place of one with the same number, whose blob becomes garbage. Fails when the upload is gone. */
export async function putPart(db: Queryable, uploadId: string, part: Part): Promise<void> {
  await db.query({
    name: 'part_put',
    text: `with old as (select blob from part where upload_id = $1 and number = $2 for update),
             gone as (insert into garbage (blob) select blob from old on conflict (blob) do nothing)
           insert into part (upload_id, ${PART})
           select $1, $2::integer, $3, $4::bigint, $5, $6, $7, $8::timestamptz
           from (select count(*) from old) as locked -- makes the lock come before the update
           on conflict (upload_id, number) do update set blob = excluded.blob, size = excluded.size,
             etag = excluded.etag, header = excluded.header, checksum = excluded.checksum,
             modified_at = excluded.modified_at`,
    values: [
      uploadId,
      part.number,
      part.blob,
      part.size,
      part.etag,
      part.header,
      part.checksum ?? null,
      part.modifiedAt,
    ],
  });
}

/** Parts of an upload by number, from behind `after`. */
export async function listParts(db: Queryable, uploadId: string, after = 0, limit = 10_000): Promise<Part[]> {
  const { rows } = await db.query<PartRow>({
    name: 'part_list',
    text: `select ${PART} from part where upload_id = $1 and number > $2 order by number limit $3`,
    values: [uploadId, after, limit],
  });
  return partsOf(rows);
}

/** All parts of an upload, which nobody else puts in another's place before the transaction ends. */
export async function lockParts(tx: Queryable, uploadId: string): Promise<Part[]> {
  const { rows } = await tx.query<PartRow>({
    name: 'part_lock',
    text: `select ${PART} from part where upload_id = $1 order by number for update`,
    values: [uploadId],
  });
  return partsOf(rows);
}

function partsOf(rows: readonly PartRow[]): Part[] {
  return rows.map((row) => ({
    number: row.number,
    blob: row.blob,
    size: Number(row.size),
    etag: row.etag,
    header: row.header,
    checksum: row.checksum ?? undefined,
    modifiedAt: row.modified_at,
  }));
}

function uploadOf(row: UploadRow): Upload {
  const { checksum_algorithm: algorithm, checksum_type: type } = row;
  return {
    id: row.id,
    bucket: row.bucket,
    key: row.key.toString('utf8'),
    initiatedAt: row.initiated_at,
    initiator: row.initiator,
    initiatorName: row.initiator_name,
    headers: row.headers,
    encryption: row.encryption,
    checksum: algorithm && type ? { algorithm, type } : undefined,
  };
}
