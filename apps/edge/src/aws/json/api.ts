import type { JsonOperation } from './operation.js';

/** A service of the JSON 1.1 protocol. */
export interface JsonApi {
  /** Its name in credential scopes. */
  readonly name: 'kms' | 'cloudtrail';
  /** Its name in the log. */
  readonly eventSource: string;
  readonly operations: ReadonlyMap<string, JsonOperation>;
  /** Whether AWS has an operation of this name that is not served here. */
  readonly notOffered: (operation: string) => boolean;
  /** CloudTrail's readOnly. */
  readonly isReadOnly: (operation: string) => boolean;
}
