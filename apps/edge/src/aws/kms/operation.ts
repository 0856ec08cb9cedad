import type { Call, Result } from '@keystead/proto/kms';
import { operations } from '../json/operation.js';

export type KmsRequests = NonNullable<Call['operation']>;
export type KmsResponses = Exclude<NonNullable<Result['outcome']>, { $case: 'error' }>;

/** One operation of AWS KMS. */
export const kms = operations<KmsRequests, KmsResponses>();
