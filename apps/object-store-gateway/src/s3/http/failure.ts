import { KeysteadError } from '@keystead/errors';
import { AuthError, awsAuthError } from '@keystead/sigv4';
import { S3Error } from '../../domain/s3-error.js';
import { kmsToS3 } from '../kms-error.js';
import { errorDocument, text } from '../xml.js';

/** An error as S3 shows it. */
export interface Failure {
  readonly code: string;
  readonly status: number;
  readonly message: string;
  readonly details: Readonly<Record<string, string>>;
}

/** What the client is told of anything thrown; what is not foreseen becomes InternalError and stays in the log. */
export function failureOf(thrown: unknown): Failure {
  const error = thrown instanceof KeysteadError ? kmsToS3(thrown) : thrown;
  if (error instanceof S3Error) return error;
  if (error instanceof AuthError) return awsAuthError(error, 's3');
  return new S3Error('InternalError');
}

/** The error document. */
export function failureXml({ code, message, details }: Failure, resource: string, requestId: string): string {
  return errorDocument(
    text('Code', code),
    text('Message', message),
    ...Object.entries(details).map(([name, value]) => text(name, value)),
    text('Resource', resource),
    text('RequestId', requestId),
    text('HostId', requestId),
  );
}
