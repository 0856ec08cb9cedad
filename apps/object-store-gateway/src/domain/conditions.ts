import { S3Error } from './s3-error.js';

/** What the four conditional headers are held against. */
export interface Validators {
  /** Without quotes. */
  readonly etag: string;
  /** Milliseconds since 1970 UTC. */
  readonly modified: number;
}

/** The four conditional headers as they came; of a GET, or of a copy's source. */
export interface Conditions {
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
  readonly ifModifiedSince?: string | undefined;
  readonly ifUnmodifiedSince?: string | undefined;
}

/**
 * Holds the conditions of a read against an object, in the order of RFC 9110 §13.2.2.
 *
 * @throws {S3Error} PreconditionFailed, or NotModified
 */
export function checkReadConditions(conditions: Conditions, object: Validators): void {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = conditions;
  if (ifMatch !== undefined) {
    if (!matches(ifMatch, object.etag)) throw failed('If-Match');
  } else if (changedSince(ifUnmodifiedSince, object.modified) === true) {
    throw failed('If-Unmodified-Since');
  }
  if (ifNoneMatch !== undefined) {
    if (matches(ifNoneMatch, object.etag)) throw new S3Error('NotModified');
  } else if (changedSince(ifModifiedSince, object.modified) === false) {
    throw new S3Error('NotModified');
  }
}

/** A copy answers 412 to every condition that does not hold. */
export function checkCopyConditions(conditions: Conditions, source: Validators): void {
  try {
    checkReadConditions(conditions, source);
  } catch (error) {
    if (error instanceof S3Error && error.code === 'NotModified') throw failed('x-amz-copy-source-If-None-Match');
    throw error;
  }
}

/**
 * Holds the conditions of a write against what is there now.
 *
 * @throws {S3Error} PreconditionFailed; NoSuchKey for If-Match where nothing is
 */
export function checkWriteConditions(conditions: Conditions, current: { etag: string } | undefined): void {
  const { ifMatch, ifNoneMatch } = conditions;
  if (ifMatch !== undefined) {
    if (!current) throw new S3Error('NoSuchKey');
    if (!matches(ifMatch, current.etag)) throw failed('If-Match');
  }
  if (ifNoneMatch !== undefined && current && matches(ifNoneMatch, current.etag)) throw failed('If-None-Match');
}

/** Only `*` is defined for writes with If-None-Match. */
export function checkWriteConditionSyntax(conditions: Conditions): void {
  if (conditions.ifNoneMatch !== undefined && conditions.ifNoneMatch.trim() !== '*') {
    throw new S3Error(
      'NotImplemented',
      'A header you provided implies functionality that is not implemented: If-None-Match with an entity tag on a write',
      { Header: 'If-None-Match' },
    );
  }
}

function matches(list: string, etag: string): boolean {
  return list.split(',').some((item) => {
    const text = item.trim();
    return text === '*' || text.replace(/^W\//, '').replace(/^"(.*)"$/, '$1') === etag;
  });
}

/** Undefined when there is no header, or its date cannot be read (RFC 9110: ignore it). HTTP dates have whole seconds. */
function changedSince(header: string | undefined, modified: number): boolean | undefined {
  const since = header === undefined ? NaN : Date.parse(header);
  return Number.isNaN(since) ? undefined : Math.floor(modified / 1000) * 1000 > since;
}

function failed(condition: string): S3Error {
  return new S3Error('PreconditionFailed', undefined, { Condition: condition });
}
