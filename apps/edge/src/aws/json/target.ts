import { cloudTrailApi } from '../cloudtrail/index.js';
import { kmsApi } from '../kms/index.js';
import type { JsonApi } from './api.js';

/** What X-Amz-Target names. */
export interface JsonTarget {
  readonly api: JsonApi;
  readonly operation: string;
}

const prefixes: readonly (readonly [prefix: string, api: JsonApi])[] = [
  ['TrentService.', kmsApi],
  ['com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.', cloudTrailApi],
  // The AWS SDK for JavaScript names the service without its package.
  ['CloudTrail_20131101.', cloudTrailApi],
];

/** Undefined for a service that is not served here. */
export function readTarget(target: string): JsonTarget | undefined {
  for (const [prefix, api] of prefixes) {
    if (target.startsWith(prefix)) return { api, operation: target.slice(prefix.length) };
  }
  return undefined;
}
