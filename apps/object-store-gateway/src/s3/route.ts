import { S3Error } from '../domain/s3-error.js';
import { AbortMultipartUpload } from './AbortMultipartUpload.js';
import { CompleteMultipartUpload } from './CompleteMultipartUpload.js';
import { CopyObject } from './CopyObject.js';
import { CreateBucket } from './CreateBucket.js';
import { CreateMultipartUpload } from './CreateMultipartUpload.js';
import { DeleteBucket } from './DeleteBucket.js';
import { DeleteBucketEncryption } from './DeleteBucketEncryption.js';
import { DeleteObject } from './DeleteObject.js';
import { DeleteObjects } from './DeleteObjects.js';
import { GetBucketEncryption } from './GetBucketEncryption.js';
import { GetBucketLocation } from './GetBucketLocation.js';
import { GetBucketVersioning } from './GetBucketVersioning.js';
import { GetObject } from './GetObject.js';
import { GetObjectTagging } from './GetObjectTagging.js';
import { HeadBucket } from './HeadBucket.js';
import { HeadObject } from './HeadObject.js';
import type { RequestHead } from './http/request.js';
import { ListBuckets } from './ListBuckets.js';
import { ListMultipartUploads } from './ListMultipartUploads.js';
import { ListObjects } from './ListObjects.js';
import { ListObjectsV2 } from './ListObjectsV2.js';
import { ListParts } from './ListParts.js';
import type { Operation } from './operation.js';
import { PutBucketEncryption } from './PutBucketEncryption.js';
import { PutObject } from './PutObject.js';
import { UploadPart } from './UploadPart.js';
import { UploadPartCopy } from './UploadPartCopy.js';

type Question = Pick<RequestHead, 'method' | 'bucket' | 'key' | 'query' | 'headers'>;

/**
 * Sub-resources that S3 has and this gateway does not, with the operations that they stand for (a star: of a bucket or
 * an object). A request that names
 * one is refused by that name: taken for something else it would do what nobody asked for.
 */
const MISSING: Readonly<Record<string, string>> = {
  abac: 'BucketAbac',
  accelerate: 'BucketAccelerateConfiguration',
  acl: '*Acl',
  analytics: 'BucketAnalyticsConfiguration',
  annotation: 'ObjectAnnotation',
  append: 'AppendObject',
  attributes: 'ObjectAttributes',
  cors: 'BucketCors',
  'intelligent-tiering': 'BucketIntelligentTieringConfiguration',
  inventory: 'BucketInventoryConfiguration',
  'legal-hold': 'ObjectLegalHold',
  lifecycle: 'BucketLifecycleConfiguration',
  logging: 'BucketLogging',
  metadataConfiguration: 'BucketMetadataConfiguration',
  metadataTable: 'BucketMetadataTableConfiguration',
  metrics: 'BucketMetricsConfiguration',
  notification: 'BucketNotificationConfiguration',
  'object-lock': 'ObjectLockConfiguration',
  ownershipControls: 'BucketOwnershipControls',
  policy: 'BucketPolicy',
  policyStatus: 'BucketPolicyStatus',
  publicAccessBlock: 'PublicAccessBlock',
  rename: 'RenameObject',
  renameObject: 'RenameObject',
  replication: 'BucketReplication',
  requestPayment: 'BucketRequestPayment',
  restore: 'RestoreObject',
  retention: 'ObjectRetention',
  select: 'SelectObjectContent',
  session: 'CreateSession',
  tagging: '*Tagging',
  torrent: 'ObjectTorrent',
  versions: 'ObjectVersions',
  website: 'BucketWebsite',
};

/**
 * Finds the operation that a request asks for.
 *
 * @throws {S3Error} NotImplemented by the operation's name, MethodNotAllowed, InvalidArgument for a version id
 */
export function route(request: Question): Operation {
  const { method, query } = request;
  if (method === 'GET' && request.key !== undefined && query.has('tagging')) return GetObjectTagging;
  for (const name of query.keys()) if (Object.hasOwn(MISSING, name)) throw missing(request, name);
  const version = query.get('versionId');
  if (version !== undefined && version !== 'null') {
    const details = { ArgumentName: 'versionId', ArgumentValue: version.slice(0, 128) };
    throw new S3Error('InvalidArgument', 'Invalid version id specified', details);
  }
  const found = operationOf(request);
  if (found) return found;
  throw new S3Error('MethodNotAllowed', undefined, {
    Method: method.slice(0, 16),
    ResourceType: resourceType(request),
  });
}

function operationOf(request: Question): Operation | undefined {
  if (request.bucket === undefined) return request.method === 'GET' ? ListBuckets : undefined;
  return request.key === undefined ? bucketOperation(request) : objectOperation(request);
}

function bucketOperation({ method, query }: Question): Operation | undefined {
  switch (method) {
    case 'GET':
      return bucketReading(query);
    case 'HEAD':
      return HeadBucket;
    case 'PUT':
      if (query.has('versioning')) throw notImplemented('PutBucketVersioning');
      return query.has('encryption') ? PutBucketEncryption : CreateBucket;
    case 'DELETE':
      return query.has('encryption') ? DeleteBucketEncryption : DeleteBucket;
    case 'POST':
      if (!query.has('delete')) throw notImplemented('PostObject');
      return DeleteObjects;
    default:
      return undefined;
  }
}

function bucketReading(query: ReadonlyMap<string, string>): Operation {
  if (query.has('location')) return GetBucketLocation;
  if (query.has('encryption')) return GetBucketEncryption;
  if (query.has('versioning')) return GetBucketVersioning;
  if (query.has('uploads')) return ListMultipartUploads;
  return query.get('list-type') === '2' ? ListObjectsV2 : ListObjects;
}

function objectOperation({ method, query, headers }: Question): Operation | undefined {
  if (query.has('encryption')) throw notImplemented('UpdateObjectEncryption');
  switch (method) {
    case 'GET':
      return query.has('uploadId') ? ListParts : GetObject;
    case 'HEAD':
      return HeadObject;
    case 'PUT':
      return objectWriting(query, headers.has('x-amz-copy-source'));
    case 'DELETE':
      return query.has('uploadId') ? AbortMultipartUpload : DeleteObject;
    case 'POST':
      if (query.has('uploads')) return CreateMultipartUpload;
      return query.has('uploadId') ? CompleteMultipartUpload : undefined;
    default:
      return undefined;
  }
}

function objectWriting(query: ReadonlyMap<string, string>, copies: boolean): Operation {
  if (query.has('uploadId') || query.has('partNumber')) return copies ? UploadPartCopy : UploadPart;
  return copies ? CopyObject : PutObject;
}

function missing({ method, key }: Question, name: string): S3Error {
  const operation = (MISSING[name] ?? '').replace('*', key === undefined ? 'Bucket' : 'Object');
  return notImplemented(`${verb(method)}${operation}`);
}

function verb(method: string): string {
  return method === 'GET' || method === 'HEAD' ? 'Get' : method === 'DELETE' ? 'Delete' : 'Put';
}

function resourceType({ bucket, key }: Question): string {
  return bucket === undefined ? 'SERVICE' : key === undefined ? 'BUCKET' : 'OBJECT';
}

function notImplemented(operation: string): S3Error {
  return new S3Error('NotImplemented', `The operation ${operation} is not implemented`, { Operation: operation });
}
