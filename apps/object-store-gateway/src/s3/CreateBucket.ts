import { checkBucketName } from '../domain/bucket-name.js';
import { S3Error } from '../domain/s3-error.js';
import { readWhole } from './body/body.js';
import type { S3Request } from './http/request.js';
import { commitChange } from './object/commit.js';
import type { Operation } from './operation.js';
import { empty } from './reply.js';
import { parse, textOf } from './xml.js';

const MOST_XML = 64 * 1024;

export const CreateBucket: Operation = {
  name: 'CreateBucket',
  action: 's3:CreateBucket',
  scope: 'service',
  category: 'Management',
  readOnly: false,
  async run({ request, journal }, gateway) {
    const name = request.bucket ?? '';
    checkBucketName(name);
    const account = request.context.principal?.account ?? '';
    await checkLocation(request, gateway.region);
    await commitChange(gateway, journal, {}, async (changes) => {
      if (await changes.addBucket(name, account, gateway.now())) return;
      const taken = await changes.bucket(name);
      const code = taken?.account === account ? 'BucketAlreadyOwnedByYou' : 'BucketAlreadyExists';
      throw new S3Error(code, undefined, { BucketName: name });
    });
    return empty(200, { location: `/${name}` });
  },
};

async function checkLocation(request: S3Request, region: string): Promise<void> {
  const body = await readWhole(request, MOST_XML);
  if (body.length === 0) return;
  const wanted = textOf(parse(body, 'CreateBucketConfiguration'), 'LocationConstraint') ?? region;
  if (wanted === region) return;
  throw new S3Error(
    'IllegalLocationConstraintException',
    `The ${wanted} location constraint is incompatible for the region specific endpoint this request was sent to.`,
  );
}
