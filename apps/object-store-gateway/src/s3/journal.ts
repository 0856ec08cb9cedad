import { cloudTrailRecord } from '@keystead/audit';
import type { Json } from '@keystead/audit';
import type { AuditRecord } from '@keystead/proto/audit';
import { bucketArn, objectArn } from '../domain/arn.js';
import { S3Error } from '../domain/s3-error.js';
import type { Gateway } from '../gateway.js';
import type { S3Request } from './http/request.js';
import type { Operation } from './operation.js';

/** What a record says beyond the request. */
export interface Outcome {
  readonly response?: Readonly<Record<string, Json>> | undefined;
  readonly extra?: Readonly<Record<string, Json>> | undefined;
  /** AWS's name and message; absent when the call succeeded. */
  readonly error?: { readonly code: string; readonly message: string } | undefined;
}

/**
 * Up to here a call for an object has one record: a write is committed together with it, and a read is recorded once its
 * key is open, before its first byte. A longer body has one more, before it moves: that may take hours, or never end.
 */
export const SHORT_BODY = 1 << 20;

/** Writes the records of one call. */
export class Journal {
  readonly #gateway: Gateway;
  /** Set anew when the operation is known. */
  operation: Pick<Operation, 'name' | 'category' | 'readOnly'>;
  readonly #request: S3Request;
  #owner: string | undefined;
  /** True when the outcome was committed with the change itself. */
  settled = false;

  constructor(gateway: Gateway, operation: Pick<Operation, 'name' | 'category' | 'readOnly'>, request: S3Request) {
    this.#gateway = gateway;
    this.operation = operation;
    this.#request = request;
  }

  /** Names the owner of the bucket, once it is known. */
  set owner(account: string) {
    this.#owner = account;
  }

  /** The record that must be durable before the first byte of a long object goes either way. */
  async authorized(): Promise<void> {
    await this.#append({ extra: { phase: 'authorized' } });
  }

  /** The record of the outcome. */
  async completed(outcome: Outcome): Promise<void> {
    await this.#append(outcome);
  }

  /** The record of an answer that has left already: it waits a moment for others, so that they are committed together. */
  async ended(outcome: Outcome): Promise<void> {
    await this.#gateway.trailing.do(this.record(outcome));
  }

  /** Without its record a call fails as if this system did (design §3 "Audit"). */
  async #append(outcome: Outcome): Promise<void> {
    try {
      await this.#gateway.audit.append(this.record(outcome));
    } catch (error) {
      throw Object.assign(new S3Error('InternalError'), { cause: error });
    }
  }

  /** The record of an outcome, for the outbox: once it is committed with the change, set `settled`. */
  record({ response, extra, error }: Outcome): AuditRecord {
    const { name, category, readOnly } = this.operation;
    return cloudTrailRecord(this.#request.context, {
      at: this.#gateway.now(),
      region: this.#gateway.region,
      eventSource: 's3.amazonaws.com',
      eventName: name,
      category,
      readOnly,
      requestParameters: requestParameters(this.#request),
      responseElements: response,
      additionalEventData: { ...transport(this.#request), ...extra },
      resources: this.#resources(),
      error: error && { name: error.code, message: error.message },
    });
  }

  #resources() {
    const { bucket, key } = this.#request;
    if (bucket === undefined) return [];
    const named = { type: 'AWS::S3::Bucket', arn: bucketArn(bucket), accountId: this.#owner };
    return key === undefined ? [named] : [{ type: 'AWS::S3::Object', arn: objectArn(bucket, key) }, named];
  }
}

const SHOWN = /^(x-amz-(server-side-encryption|copy-source|checksum|acl|storage-class|metadata-directive)|range$|if-)/;

function requestParameters(request: S3Request): Record<string, Json> {
  const shown: Record<string, Json> = { Host: request.headers.get('host') ?? '' };
  if (request.bucket !== undefined) shown['bucketName'] = request.bucket;
  if (request.key !== undefined) shown['key'] = request.key;
  for (const [name, value] of request.query) if (!/^x-(amz|id)/i.test(name)) shown[name] = value;
  for (const [name, value] of request.headers) if (SHOWN.test(name)) shown[name] = value;
  return shown;
}

function transport({ auth, arrival }: S3Request): Record<string, Json> {
  return {
    SignatureVersion: 'SigV4',
    AuthenticationMethod: auth.form === 'header' ? 'AuthHeader' : 'QueryString',
    ...(arrival.cipherSuite === '' ? {} : { CipherSuite: arrival.cipherSuite }),
  };
}
