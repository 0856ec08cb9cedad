import { collectPage } from '../domain/listing.js';
import { entriesXml } from './list/entries.js';
import type { Operation } from './operation.js';
import { nameEncoder, numberParameter } from './parameters.js';
import { xml } from './reply.js';
import { document, text } from './xml.js';

const MOST = 1000;

/** The listing of 2006, which older tools still ask for. */
export const ListObjects: Operation = {
  name: 'ListObjects',
  action: 's3:ListBucket',
  scope: 'bucket',
  category: 'Data',
  readOnly: true,
  async run({ request, bucket }, { store }) {
    const { type, encode } = nameEncoder(request);
    const limit = numberParameter(request, 'max-keys', MOST);
    const prefix = request.query.get('prefix') ?? '';
    const delimiter = request.query.get('delimiter') ?? '';
    const after = request.query.get('marker') ?? '';
    const page = await collectPage({ prefix, delimiter, after, limit }, (range, most) =>
      store.objects(bucket.name, range, most),
    );
    // S3 names the next marker only where clients cannot take the last key: with a delimiter.
    const next = delimiter === '' ? undefined : page.next;
    return xml(
      document(
        'ListBucketResult',
        text('Name', bucket.name),
        text('Prefix', encode(prefix)),
        text('Marker', encode(after)),
        text('MaxKeys', limit),
        text('Delimiter', delimiter === '' ? undefined : encode(delimiter)),
        text('EncodingType', type),
        text('IsTruncated', page.next !== undefined),
        text('NextMarker', next === undefined ? undefined : encode(next)),
        ...entriesXml(page, encode, bucket.account),
      ),
    );
  },
};
