import type { Call } from '@keystead/proto/iam-query';
import type { ValueOf } from '../json/operation.js';
import type { Form } from './form.js';
import { memberName, type RequestShape, structure } from './read.js';

type Requests = NonNullable<Call['operation']>;

/** How one operation of IAM or STS is translated; answers are written by name. */
export interface QueryOperation {
  /** AWS's name. */
  readonly name: string;
  /** The case of the pipeline's oneof. */
  readonly $case: string;
  /** The form as a message. Throws Serialization or Validation. */
  readonly read: (form: Form) => unknown;
}

/** Ties a request's parameters to a case of iam-service's pipeline. */
export function query<Case extends Requests['$case']>(
  $case: Case,
  request: RequestShape<ValueOf<Requests, Case>>,
): QueryOperation {
  const read = structure(request);
  return { name: memberName($case), $case, read: (form) => read(form, '') };
}
