import { type Code, type KeysteadError, wire } from '@keystead/errors';
import { AuthError, awsAuthError } from '@keystead/sigv4';
import { answer, answerAndClose } from '../../http/answer.js';
import type { Exchange } from '../../http/exchange.js';
import type { QueryApi } from './api.js';
import { escapeXml, resultXml } from './xml.js';

const headers = (id: string): string[] => ['x-amzn-RequestId', id, 'Content-Type', 'text/xml'];

/** The one operation whose output AWS's model has without members: botocore fails where its Result element is missing. */
const emptyResult = 'UpdateRole';

/** Sends a result; operations without an output have no Result element. */
export function sendResult({ response, id }: Exchange, api: QueryApi, operation: string, message: object): void {
  const hasResult = Object.keys(message).length > 0 || operation === emptyResult;
  const result = hasResult ? `<${operation}Result>${resultXml(message)}</${operation}Result>` : '';
  const metadata = `<ResponseMetadata><RequestId>${id}</RequestId></ResponseMetadata>`;
  const body = `<${operation}Response xmlns="${api.namespace}">${result}${metadata}</${operation}Response>`;
  answer(response, 200, headers(id), body);
}

/** The detail of an AccessDenied that DecodeAuthorizationMessage opens. */
const encodedMessage = 'encoded-authorization-message';

/** Sends an error as IAM and STS do: Sender is the caller's fault, Receiver ours. */
export function sendQueryError(exchange: Exchange, error: KeysteadError | AuthError, namespace: string): void {
  const { code, status, message } = error instanceof AuthError ? awsAuthError(error, 'query') : failure(error);
  const { request, response, id } = exchange;
  const type = `<Type>${status < 500 ? 'Sender' : 'Receiver'}</Type>`;
  const detail = `<Error>${type}<Code>${code}</Code><Message>${escapeXml(message)}</Message></Error>`;
  const body = `<ErrorResponse xmlns="${namespace}">${detail}<RequestId>${id}</RequestId></ErrorResponse>`;
  // IAM's and STS's errors have no member for it; a header leaves their wording as it is.
  const sealed = error instanceof AuthError ? undefined : error.details[encodedMessage];
  const all = sealed === undefined ? headers(id) : [...headers(id), `x-keystead-${encodedMessage}`, sealed];
  answerAndClose(request, response, status, all, body);
}

/** Where IAM's name or status is not that of the JSON protocols. */
const own: Partial<Record<Code, readonly [code: string, status: number]>> = {
  AccessDenied: ['AccessDenied', 403],
  ExpiredIdentityToken: ['ExpiredTokenException', 400],
  ExpiredToken: ['ExpiredToken', 403],
  InvalidAuthorizationMessage: ['InvalidAuthorizationMessageException', 400],
  LimitExceeded: ['LimitExceeded', 409],
  MissingAuthenticationToken: ['MissingAuthenticationToken', 403],
  RequestTooLarge: ['RequestEntityTooLarge', 413],
  Serialization: ['MalformedQueryString', 400],
  Unavailable: ['ServiceUnavailable', 503],
  UnknownOperation: ['InvalidAction', 400],
  UnrecognizedClient: ['InvalidClientTokenId', 403],
  Validation: ['ValidationError', 400],
};

function failure({ code, message }: KeysteadError): { code: string; status: number; message: string } {
  const [name, status] = own[code] ?? [wire[code].aws.replace(/Exception$/, ''), wire[code].http];
  return status === 500 ? { code: 'ServiceFailure', status, message } : { code: name, status, message };
}
