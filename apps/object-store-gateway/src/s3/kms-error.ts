import { KeysteadError, wire } from '@keystead/errors';
import { S3Error } from '../domain/s3-error.js';

/**
 * How S3 tells its caller what KMS said: what concerns the key as 400 `KMS.…`, a refusal as 403 AccessDenied, and
 * what concerns this system as S3's own 500 and 503.
 */
export function kmsToS3(error: unknown): unknown {
  if (!(error instanceof KeysteadError)) return error;
  switch (error.code) {
    case 'AccessDenied':
      return new S3Error('AccessDenied', error.message);
    case 'Throttling':
      return new S3Error('SlowDown');
    case 'Unavailable':
    case 'DeadlineExceeded':
    case 'Sealed':
      return new S3Error('ServiceUnavailable');
    case 'Internal':
    case 'InvalidToken':
    case 'KmsInternal':
    case 'Cancelled':
      return new S3Error('InternalError');
    default:
      return new S3Error(`KMS.${wire[error.code].aws}`, error.message);
  }
}
