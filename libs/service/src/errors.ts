import { Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { fromWire, KeysteadError, toWire, wire } from '@keystead/errors';
import { ErrorDetail } from '@keystead/proto/common';

/** The trailer that carries a keystead.common.v1.ErrorDetail. */
export const errorTrailer = 'keystead-error-bin';

/** A failure in the shape in which a grpc-js handler reports it. Nothing but code, message and details leaves. */
export function grpcError(error: KeysteadError): Error & { code: status; details: string; metadata: Metadata } {
  const metadata = new Metadata();
  metadata.set(errorTrailer, Buffer.from(ErrorDetail.encode(toWire(error)).finish()));
  const { message } = error;
  return Object.assign(new Error(message), { code: wire[error.code].grpc, details: message || error.code, metadata });
}

const byStatus: Partial<
  Record<status, 'Cancelled' | 'DeadlineExceeded' | 'AccessDenied' | 'Throttling' | 'UnknownOperation' | 'Internal'>
> = {
  [status.CANCELLED]: 'Cancelled',
  [status.DEADLINE_EXCEEDED]: 'DeadlineExceeded',
  [status.PERMISSION_DENIED]: 'AccessDenied',
  [status.UNAUTHENTICATED]: 'AccessDenied',
  [status.RESOURCE_EXHAUSTED]: 'Throttling',
  [status.UNIMPLEMENTED]: 'UnknownOperation',
  [status.INTERNAL]: 'Internal',
};

/** What a service answered, as the error that it threw; without our trailer, by gRPC status. */
export function fromGrpcError(error: ServiceError): KeysteadError {
  const [detail] = error.metadata.get(errorTrailer);
  if (Buffer.isBuffer(detail)) return fromWire(ErrorDetail.decode(detail));
  return new KeysteadError(byStatus[error.code] ?? 'Unavailable', error.details || error.message, { cause: error });
}
