import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ObjectStream, Reply } from '../reply.js';
import { failureXml } from './failure.js';
import type { Failure } from './failure.js';

/** How long a refused client may go on sending before its connection is cut: it shall be able to read the answer. */
const DRAIN_MS = 2_000;

/** Sends an answer without an object. */
export function sendReply(response: ServerResponse, incoming: IncomingMessage, reply: Reply, requestId: string): void {
  const body = reply.body === undefined ? undefined : Buffer.from(reply.body, 'utf8');
  const length = body ? String(body.length) : reply.headers['content-length'];
  const noBody = reply.status === 204 || reply.status === 304;
  response.writeHead(
    reply.status,
    present({ ...reply.headers, ...(noBody ? {} : { 'content-length': length ?? '0' }) }, requestId),
  );
  finish(response, incoming, incoming.method === 'HEAD' ? undefined : body);
}

/** Sends an error; when the client's body was not read, the connection ends with the answer. */
export function sendFailure(
  response: ServerResponse,
  incoming: IncomingMessage,
  failure: Failure,
  requestId: string,
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const path = (incoming.url ?? '/').split('?', 1)[0] ?? '/';
  const silent = failure.status === 304;
  const body = silent ? undefined : Buffer.from(failureXml(failure, path, requestId), 'utf8');
  const unread = !incoming.complete && hasBody(incoming);
  const headers = {
    'content-type': silent ? undefined : 'application/xml',
    'content-length': body ? String(body.length) : undefined,
    connection: unread ? 'close' : undefined,
  };
  response.writeHead(failure.status, present(headers, requestId));
  finish(response, incoming, incoming.method === 'HEAD' ? undefined : body);
}

/** Sends an object as it is opened, several chunks with one system call, and waits while the client is slow. */
export async function sendObject(
  response: ServerResponse,
  reply: Reply,
  stream: ObjectStream,
  requestId: string,
): Promise<void> {
  response.writeHead(reply.status, present(reply.headers, requestId));
  for (let pieces = await stream.next(); pieces; pieces = await stream.next()) {
    if (response.destroyed) throw gone();
    response.cork();
    for (const piece of pieces) response.write(piece);
    response.uncork();
    if (response.writableNeedDrain) await drained(response);
  }
  response.end();
}

const gone = (): Error => new Error('the client went away');

/** Resolves when there is room; rejects when the client is gone. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve, reject) => {
    const drain = (): void => {
      response.off('close', close);
      resolve();
    };
    const close = (): void => {
      response.off('drain', drain);
      reject(gone());
    };
    response.once('drain', drain).once('close', close);
  });
}

function finish(response: ServerResponse, incoming: IncomingMessage, body: Buffer | undefined): void {
  if (incoming.complete || !hasBody(incoming)) {
    response.end(body);
    return;
  }
  // Closing a socket with unread bytes resets it, and the client would lose the answer.
  if (body) response.write(body);
  else response.flushHeaders();
  const end = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, DRAIN_MS);
  incoming.once('end', end).once('close', end).resume();
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function present(headers: Reply['headers'], requestId: string): Record<string, string> {
  const all: Record<string, string> = { 'x-amz-request-id': requestId, 'x-amz-id-2': requestId, server: 'Keystead' };
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) all[name] = value;
  return all;
}
