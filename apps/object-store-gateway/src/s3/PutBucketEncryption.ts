import type { BucketEncryption } from '../domain/encryption.js';
import { S3Error } from '../domain/s3-error.js';
import { readWhole } from './body/body.js';
import { Integrity } from './body/integrity.js';
import { commitChange } from './object/commit.js';
import type { Operation } from './operation.js';
import { empty } from './reply.js';
import { child, children, parse, textOf } from './xml.js';
import type { Node } from './xml.js';

const MOST_XML = 64 * 1024;

export const PutBucketEncryption: Operation = {
  name: 'PutBucketEncryption',
  action: 's3:PutEncryptionConfiguration',
  scope: 'bucket',
  category: 'Management',
  readOnly: false,
  async run({ request, bucket, journal }, gateway) {
    const body = await readWhole(request, MOST_XML);
    const integrity = new Integrity(request, { md5Wanted: false });
    integrity.update([body]);
    integrity.finish(new Map());
    const encryption = readConfiguration(parse(body, 'ServerSideEncryptionConfiguration'));
    await commitChange(gateway, journal, {}, (changes) => changes.setBucketEncryption(bucket.name, encryption));
    return empty(200);
  },
};

/** Reads the one rule that S3 allows. Whether the key exists is found out by the first PUT, as in S3. */
function readConfiguration(configuration: Node): BucketEncryption {
  const rules = children(configuration, 'Rule');
  const [rule] = rules;
  const applied = rule && child(rule, 'ApplyServerSideEncryptionByDefault');
  if (!rule || rules.length !== 1 || !applied) throw new S3Error('MalformedXML');
  if (rule['BlockedEncryptionTypes']) throw notImplemented('BlockedEncryptionTypes');
  const algorithm = textOf(applied, 'SSEAlgorithm');
  const kmsKeyId = textOf(applied, 'KMSMasterKeyID');
  if (algorithm === 'aws:kms:dsse') throw notImplemented(algorithm);
  if (algorithm !== 'AES256' && algorithm !== 'aws:kms') throw new S3Error('MalformedXML');
  if (algorithm === 'AES256' && kmsKeyId !== undefined) {
    throw new S3Error(
      'InvalidArgument',
      'a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse',
    );
  }
  const bucketKeyEnabled = textOf(rule, 'BucketKeyEnabled')?.toLowerCase() === 'true';
  return { algorithm, bucketKeyEnabled, ...(kmsKeyId === undefined ? {} : { kmsKeyId }) };
}

function notImplemented(what: string): S3Error {
  return new S3Error('NotImplemented', `A bucket encryption of ${what} is not implemented`);
}
