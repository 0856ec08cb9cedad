import type { Bucket } from '../store/buckets.js';
import { numberParameter } from './parameters.js';
import type { Operation } from './operation.js';
import { xml } from './reply.js';
import { document, element, text } from './xml.js';

const MOST = 10_000;

export const ListBuckets: Operation = {
  name: 'ListBuckets',
  action: 's3:ListAllMyBuckets',
  scope: 'service',
  category: 'Management',
  readOnly: true,
  async run({ request }, { store, region }) {
    const limit = Math.max(1, numberParameter(request, 'max-buckets', MOST));
    const prefix = request.query.get('prefix') ?? '';
    const token = request.query.get('continuation-token');
    const after = token === undefined ? '' : Buffer.from(token, 'base64url').toString('utf8');
    const account = request.context.principal?.account ?? '';
    const found = await store.buckets(account, { prefix, after, limit: limit + 1 });
    const page = found.slice(0, limit);
    const next = found.length > limit ? Buffer.from(page.at(-1)?.name ?? '').toString('base64url') : undefined;
    return xml(
      document(
        'ListAllMyBucketsResult',
        element('Owner', text('ID', account), text('DisplayName', account)),
        element('Buckets', ...page.map((bucket) => bucketXml(bucket, region))),
        text('Prefix', prefix || undefined),
        text('ContinuationToken', next),
      ),
    );
  },
};

function bucketXml({ name, createdAt }: Bucket, region: string): string {
  return element(
    'Bucket',
    text('Name', name),
    text('CreationDate', createdAt.toISOString()),
    text('BucketRegion', region),
  );
}
