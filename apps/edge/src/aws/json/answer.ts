import { type KeysteadError, wire } from '@keystead/errors';
import { AuthError, awsAuthError } from '@keystead/sigv4';
import { answer, answerAndClose } from '../../http/answer.js';
import type { Exchange } from '../../http/exchange.js';

const contentType = 'application/x-amz-json-1.1';

const headers = (id: string): string[] => ['x-amzn-RequestId', id, 'Content-Type', contentType];

/** Sends a document; undefined is the empty answer of operations without an output. */
export function sendJson({ response, id }: Exchange, document: unknown): void {
  answer(response, 200, headers(id), document === undefined ? '' : JSON.stringify(document));
}

/** Sends an error as AWS's JSON protocols do. */
export function sendJsonError(exchange: Exchange, error: KeysteadError | AuthError, service: string): void {
  const { code, status, message } = error instanceof AuthError ? awsAuthError(error, 'json') : failure(error, service);
  const { request, response, id } = exchange;
  // `details` are for S3's and IAM's documents; JSON has none.
  const body = JSON.stringify({ __type: code, message });
  answerAndClose(request, response, status, headers(id), body);
}

function failure(error: KeysteadError, service: string): { code: string; status: number; message: string } {
  const { aws, http } = wire[error.code];
  const code = aws === 'KMSInternalException' && service !== 'kms' ? 'InternalFailure' : aws;
  return { code, status: http, message: error.message };
}
