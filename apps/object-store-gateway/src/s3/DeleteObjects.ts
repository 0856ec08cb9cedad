import { objectArn } from '../domain/arn.js';
import { S3Error } from '../domain/s3-error.js';
import type { Gateway } from '../gateway.js';
import { readWhole } from './body/body.js';
import { Integrity } from './body/integrity.js';
import { conditionValues } from './conditions.js';
import { commitChange } from './object/commit.js';
import { deleteObject, forgetRecords } from './object/delete.js';
import type { BucketCall, Operation } from './operation.js';
import { xml } from './reply.js';
import { children, document, element, parse, text, textOf } from './xml.js';

const MOST_XML = 4 * 1024 * 1024;
const MOST_OBJECTS = 1000;
/** Begin and end of Object and of its five members. */
const MOST_TAGS = MOST_OBJECTS * 12 + 100;

interface Result {
  readonly key: string;
  readonly error?: S3Error;
}

export const DeleteObjects: Operation = {
  name: 'DeleteObjects',
  // Each object is asked for by itself, below.
  action: '',
  scope: 'bucket',
  category: 'Data',
  readOnly: false,
  async run(call, gateway) {
    const { keys, quiet } = await readRequest(call);
    const results = await Promise.all(keys.map((key) => permitted(call, gateway, key)));
    const permittedKeys = results.filter(({ error }) => !error).map(({ key }) => key);
    const response = { deleted: permittedKeys.length, refused: keys.length - permittedKeys.length };
    let blobs: (string | undefined)[] = [];
    await commitChange(gateway, call.journal, { response }, async (changes) => {
      blobs = [];
      // In one order, so that two of these calls never wait for each other.
      for (const key of [...permittedKeys].sort()) blobs.push(await deleteObject(changes, call.bucket.name, key));
    });
    await forgetRecords(gateway, blobs);
    return xml(document('DeleteResult', ...results.map((result) => resultXml(result, quiet))));
  },
};

async function readRequest({ request }: BucketCall): Promise<{ keys: string[]; quiet: boolean }> {
  const body = await readWhole(request, MOST_XML);
  const integrity = new Integrity(request, { md5Wanted: false });
  integrity.update([body]);
  integrity.finish(new Map());
  const parsed = parse(body, 'Delete', MOST_TAGS);
  const objects = children(parsed, 'Object');
  if (objects.length === 0 || objects.length > MOST_OBJECTS) throw new S3Error('MalformedXML');
  const keys = objects.map((object) => {
    const version = textOf(object, 'VersionId');
    if (version !== undefined && version !== 'null')
      throw new S3Error('NotImplemented', 'Object versions are not implemented');
    if (object['ETag'] ?? object['LastModifiedTime'] ?? object['Size']) {
      throw new S3Error('NotImplemented', 'Conditional deletes in DeleteObjects are not implemented');
    }
    const key = textOf(object, 'Key');
    if (key === undefined || key === '') throw new S3Error('MalformedXML');
    return key;
  });
  return { keys: [...new Set(keys)], quiet: textOf(parsed, 'Quiet')?.toLowerCase() === 'true' };
}

async function permitted({ request, bucket }: BucketCall, { access }: Gateway, key: string): Promise<Result> {
  const resource = objectArn(bucket.name, key);
  const { account } = bucket;
  const values = conditionValues(request, account);
  try {
    await access.check(request.context, { action: 's3:DeleteObject', resource, account, values });
    return { key };
  } catch (error) {
    if (error instanceof S3Error) return { key, error };
    throw error;
  }
}

function resultXml({ key, error }: Result, quiet: boolean): string {
  if (error) return element('Error', text('Key', key), text('Code', error.code), text('Message', error.message));
  return quiet ? '' : element('Deleted', text('Key', key));
}
