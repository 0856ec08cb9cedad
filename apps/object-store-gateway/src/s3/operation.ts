import type { SealedRecord } from '../domain/record-seal.js';
import type { Bucket } from '../store/buckets.js';
import type { Gateway } from '../gateway.js';
import type { Journal } from './journal.js';
import type { S3Request } from './http/request.js';
import type { Reply } from './reply.js';

/** A call of an operation, authenticated and authorized. */
export interface ServiceCall {
  readonly request: S3Request;
  readonly journal: Journal;
}

/** A call about a bucket that exists. */
export interface BucketCall extends ServiceCall {
  readonly bucket: Bucket;
}

/** A call about an object that may exist. */
export interface ObjectCall extends BucketCall {
  readonly key: string;
  /** The sealed record of the object, for operations that ask for it. */
  readonly found: SealedRecord | undefined;
}

interface Base {
  /** As AWS names it, in the log too. */
  readonly name: string;
  /** The IAM action that must be allowed on the bucket, the object, or "*". */
  readonly action: string;
  /** Object calls are data events. */
  readonly category: 'Management' | 'Data';
  readonly readOnly: boolean;
}

/** One operation; its file in this folder has its name. */
export type Operation =
  | (Base & { readonly scope: 'service'; run(call: ServiceCall, gateway: Gateway): Promise<Reply> })
  | (Base & { readonly scope: 'bucket'; run(call: BucketCall, gateway: Gateway): Promise<Reply> })
  | (Base & {
      readonly scope: 'object';
      /** Reads the object with the bucket, in one question to the database. */
      readonly findsObject?: true;
      /** Takes a bucket as it was less than a second ago, because it looks again when it commits. */
      readonly checksBucketLast?: true;
      run(call: ObjectCall, gateway: Gateway): Promise<Reply>;
    });
