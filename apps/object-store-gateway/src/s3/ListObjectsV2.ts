import { collectPage } from '../domain/listing.js';
import { S3Error } from '../domain/s3-error.js';
import { entriesXml } from './list/entries.js';
import type { Operation } from './operation.js';
import { nameEncoder, numberParameter } from './parameters.js';
import { xml } from './reply.js';
import { document, text } from './xml.js';

const MOST = 1000;

export const ListObjectsV2: Operation = {
  name: 'ListObjectsV2',
  action: 's3:ListBucket',
  scope: 'bucket',
  category: 'Data',
  readOnly: true,
  async run({ request, bucket }, { store }) {
    const { query } = request;
    const { type, encode } = nameEncoder(request);
    const limit = numberParameter(request, 'max-keys', MOST);
    const token = query.get('continuation-token');
    const startAfter = query.get('start-after');
    const prefix = query.get('prefix') ?? '';
    const delimiter = query.get('delimiter') ?? '';
    const after = token === undefined ? (startAfter ?? '') : readToken(token);
    const page = await collectPage({ prefix, delimiter, after, limit }, (range, most) =>
      store.objects(bucket.name, range, most),
    );
    return xml(
      document(
        'ListBucketResult',
        text('Name', bucket.name),
        text('Prefix', encode(prefix)),
        text('Delimiter', delimiter === '' ? undefined : encode(delimiter)),
        text('MaxKeys', limit),
        text('EncodingType', type),
        text('KeyCount', page.entries.length),
        text('IsTruncated', page.next !== undefined),
        text('ContinuationToken', token),
        text('NextContinuationToken', page.next === undefined ? undefined : writeToken(page.next)),
        text('StartAfter', startAfter === undefined ? undefined : encode(startAfter)),
        ...entriesXml(page, encode, query.get('fetch-owner') === 'true' ? bucket.account : undefined),
      ),
    );
  },
};

const writeToken = (name: string): string => `1${Buffer.from(name, 'utf8').toString('base64url')}`;

function readToken(token: string): string {
  if (/^1[\w-]+$/.test(token)) return Buffer.from(token.slice(1), 'base64url').toString('utf8');
  const details = { ArgumentName: 'continuation-token' };
  throw new S3Error('InvalidArgument', 'The continuation token provided is incorrect', details);
}
