import type { IncomingMessage, ServerResponse } from 'node:http';
import { asKeysteadError, KeysteadError } from '@keystead/errors';
import { callMetrics, type Metrics, requestId } from '@keystead/service';
import { AuthError, awsAuthError } from '@keystead/sigv4';
import { sendJsonError } from '../aws/json/answer.js';
import { serveJson } from '../aws/json/serve.js';
import { readTarget as readJsonTarget } from '../aws/json/target.js';
import { sendQueryError } from '../aws/query/answer.js';
import { serveQuery } from '../aws/query/serve.js';
import { iam } from '../aws/iam/index.js';
import type { Parts } from '../parts.js';
import { sendS3Error } from '../s3/errors.js';
import type { S3Forwarder } from '../s3/forward.js';
import { checkLength } from './body.js';
import { type Exchange, readHead, sourceIp } from './exchange.js';
import { type OwnPages, serveOwn } from './own.js';
import { type Route, route } from './route.js';

export interface HandlerParts extends Parts {
  readonly s3: S3Forwarder;
  readonly pages: OwnPages;
  readonly metrics: Metrics;
}

/** Serves one request. `expect`: the client waits for 100 Continue before it sends the body. */
export type Handler = (request: IncomingMessage, response: ServerResponse, expect: boolean) => void;

/** Every request of the port, by protocol. Nothing that is thrown below reaches the wire as it is. */
export function handler(parts: HandlerParts): Handler {
  const metrics = callMetrics(parts.metrics, 'edge_requests', 'Requests of the AWS wire, S3 apart.');
  return (request, response, expect) => {
    const id = requestId();
    let exchange: Exchange;
    try {
      exchange = { request, response, id, head: readHead(request), authenticated: false };
    } catch (error) {
      return refuseHead(parts, request, response, id, error);
    }
    const way = route(exchange.head);
    if (way.kind === 's3') return parts.s3.forward(exchange, expect);
    const began = performance.now();
    serve(parts, exchange, way, expect).then(
      () => metrics.done(way.kind, '', (performance.now() - began) / 1000),
      (error: unknown) => {
        metrics.done(way.kind, fail(parts, exchange, way, error), (performance.now() - began) / 1000);
      },
    );
  };
}

async function serve(parts: HandlerParts, exchange: Exchange, way: Route, expect: boolean): Promise<void> {
  if (expect) {
    checkLength(exchange.request);
    exchange.response.writeContinue();
  }
  if (way.kind === 'own') return serveOwn(parts.pages, exchange, way.path);
  if (way.kind === 'query') return serveQuery(parts, exchange);
  const target = way.kind === 'json' ? readJsonTarget(way.target) : undefined;
  if (!target) throw new KeysteadError('UnknownOperation');
  return serveJson(parts, exchange, target);
}

/** Answers a failure in the form of its protocol; gives the code for the metrics. */
function fail(parts: HandlerParts, exchange: Exchange, way: Route, thrown: unknown): string {
  const error = thrown instanceof AuthError ? thrown : asKeysteadError(thrown);
  if (error instanceof KeysteadError && error.cause !== undefined) {
    parts.log.error({ err: error.cause, requestId: exchange.id, code: error.code }, 'a request failed');
  }
  const code = error instanceof AuthError ? error.failure : error.code;
  if (!exchange.authenticated) parts.refusals.note(sourceIp(exchange.request), code);
  if (way.kind === 'query') sendQueryError(exchange, error, iam.namespace);
  else sendJsonError(exchange, error, way.kind === 'json' ? (readJsonTarget(way.target)?.api.name ?? '') : '');
  return code;
}

/** A head that breaks the limits is refused before anybody knows its protocol. */
function refuseHead(
  parts: HandlerParts,
  request: IncomingMessage,
  response: ServerResponse,
  id: string,
  error: unknown,
): void {
  const failure = error instanceof AuthError ? error : new AuthError('HeadersTooLarge');
  const { status, code, message } = awsAuthError(failure, 's3');
  const head = { method: '', target: { path: '', query: [] }, headers: new Map<string, string>() };
  parts.refusals.note(sourceIp(request), failure.failure);
  sendS3Error({ request, response, id, head, authenticated: false }, status, code, message);
}
