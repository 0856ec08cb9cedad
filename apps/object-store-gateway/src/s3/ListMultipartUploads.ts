import { S3Error } from '../domain/s3-error.js';
import type { Upload } from '../store/uploads.js';
import type { Operation } from './operation.js';
import { nameEncoder, numberParameter } from './parameters.js';
import { xml } from './reply.js';
import { document, element, text } from './xml.js';

const MOST = 1000;

export const ListMultipartUploads: Operation = {
  name: 'ListMultipartUploads',
  action: 's3:ListBucketMultipartUploads',
  scope: 'bucket',
  category: 'Management',
  readOnly: true,
  async run({ request, bucket }, { store }) {
    const { query } = request;
    if ((query.get('delimiter') ?? '') !== '') {
      throw new S3Error('NotImplemented', 'ListMultipartUploads with a delimiter is not implemented', {
        Parameter: 'delimiter',
      });
    }
    const { type, encode } = nameEncoder(request);
    const limit = numberParameter(request, 'max-uploads', MOST);
    const prefix = query.get('prefix') ?? '';
    const keyMarker = query.get('key-marker') ?? '';
    const idMarker = query.get('upload-id-marker') ?? '';
    const { page, more } = await uploads();
    const last = page.at(-1);
    return xml(
      document(
        'ListMultipartUploadsResult',
        text('Bucket', bucket.name),
        text('KeyMarker', encode(keyMarker)),
        text('UploadIdMarker', idMarker),
        text('NextKeyMarker', more && last ? encode(last.key) : undefined),
        text('NextUploadIdMarker', more ? last?.id : undefined),
        text('Prefix', encode(prefix)),
        text('EncodingType', type),
        text('MaxUploads', limit),
        text('IsTruncated', more),
        ...page.map((upload) => uploadXml(upload, encode, bucket.account)),
      ),
    );

    async function uploads(): Promise<{ page: Upload[]; more: boolean }> {
      const { afterKey, afterId } = startOf(prefix, keyMarker, idMarker);
      const found = await store.uploads(bucket.name, { afterKey, afterId, limit: limit + 1 });
      const fitting = found.filter(({ key }) => key.startsWith(prefix));
      return { page: fitting.slice(0, limit), more: fitting.length > limit };
    }
  },
};

/** Without an upload id marker S3 goes on behind all uploads of the key marker: at the key that follows it directly. */
function startOf(prefix: string, keyMarker: string, idMarker: string): { afterKey: Buffer; afterId: string } {
  const first = Buffer.from(prefix, 'utf8');
  const marker = Buffer.from(keyMarker, 'utf8');
  if (keyMarker === '' || Buffer.compare(marker, first) < 0) return { afterKey: first, afterId: '' };
  if (idMarker !== '') return { afterKey: marker, afterId: idMarker };
  return { afterKey: Buffer.concat([marker, Uint8Array.of(0)]), afterId: '' };
}

function uploadXml(upload: Upload, encode: (name: string) => string, account: string): string {
  return element(
    'Upload',
    text('Key', encode(upload.key)),
    text('UploadId', upload.id),
    element('Initiator', text('ID', upload.initiator), text('DisplayName', upload.initiatorName)),
    element('Owner', text('ID', account), text('DisplayName', account)),
    text('StorageClass', 'STANDARD'),
    text('Initiated', upload.initiatedAt.toISOString()),
    text('ChecksumAlgorithm', upload.checksum?.algorithm),
    text('ChecksumType', upload.checksum?.type),
  );
}
