import type { Part, Upload } from '../store/uploads.js';
import { uploadOf } from './multipart.js';
import { quoted } from './object/headers.js';
import type { Operation } from './operation.js';
import { numberParameter } from './parameters.js';
import { xml } from './reply.js';
import { document, element, text } from './xml.js';

const MOST = 1000;

export const ListParts: Operation = {
  name: 'ListParts',
  action: 's3:ListMultipartUploadParts',
  scope: 'object',
  category: 'Data',
  readOnly: true,
  async run(call, gateway) {
    const upload = await uploadOf(call, gateway);
    const limit = numberParameter(call.request, 'max-parts', MOST);
    const marker = markerOf(call.request.query);
    const found = await gateway.store.parts(upload.id, marker, limit + 1);
    const parts = found.slice(0, limit);
    const { account } = call.bucket;
    return xml(
      document(
        'ListPartsResult',
        text('Bucket', upload.bucket),
        text('Key', upload.key),
        text('UploadId', upload.id),
        element('Initiator', text('ID', upload.initiator), text('DisplayName', upload.initiatorName)),
        element('Owner', text('ID', account), text('DisplayName', account)),
        text('StorageClass', 'STANDARD'),
        text('PartNumberMarker', marker),
        text('NextPartNumberMarker', parts.at(-1)?.number ?? 0),
        text('MaxParts', limit),
        text('IsTruncated', found.length > limit),
        text('ChecksumAlgorithm', upload.checksum?.algorithm),
        text('ChecksumType', upload.checksum?.type),
        ...parts.map((part) => partXml(part, upload.checksum)),
      ),
    );
  },
};

function markerOf(query: ReadonlyMap<string, string>): number {
  const marker = query.get('part-number-marker') ?? '';
  return /^\d{1,5}$/.test(marker) ? Number(marker) : 0;
}

function partXml(part: Part, checksum: Upload['checksum']): string {
  return element(
    'Part',
    text('PartNumber', part.number),
    text('LastModified', part.modifiedAt.toISOString()),
    text('ETag', quoted(part.etag)),
    text('Size', part.size),
    checksum ? text(`Checksum${checksum.algorithm}`, part.checksum) : '',
  );
}
