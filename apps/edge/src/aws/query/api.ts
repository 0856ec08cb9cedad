import type { QueryOperation } from './operation.js';

/** A service of the Query protocol. */
export interface QueryApi {
  /** Its name in credential scopes. */
  readonly name: 'iam' | 'sts';
  /** The `Version` of its requests. */
  readonly version: string;
  readonly namespace: string;
  /** Its name in the log. */
  readonly eventSource: string;
  readonly operations: ReadonlyMap<string, QueryOperation>;
}
