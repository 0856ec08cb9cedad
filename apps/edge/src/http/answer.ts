import type { IncomingMessage, ServerResponse } from 'node:http';
import { maxBody } from './body.js';

/** How much of a refused body is still taken in, so that the client reads the answer instead of a reset. */
const lingerBytes = 2 * maxBody;
const lingerMs = 2_000;

/** Sends a whole answer. */
export function answer(response: ServerResponse, status: number, headers: string[], body: string): void {
  if (response.headersSent || response.destroyed) return;
  headers.push('Content-Length', String(Buffer.byteLength(body)), 'Cache-Control', 'no-store');
  response.writeHead(status, headers).end(body);
}

/** Answers before the body has arrived and then closes the connection: the rest of the body is not waited for. */
export function answerAndClose(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  headers: string[],
  body: string,
): void {
  if (request.complete) return answer(response, status, headers, body);
  if (response.headersSent || response.destroyed) return;
  headers.push('Content-Length', String(Buffer.byteLength(body)), 'Connection', 'close');
  response.writeHead(status, headers).write(body);
  linger(request, () => response.end());
}

function linger(request: IncomingMessage, done: () => void): void {
  let left = lingerBytes;
  const timer = setTimeout(done, lingerMs);
  const finish = (): void => {
    clearTimeout(timer);
    done();
  };
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) {
      request.pause();
      finish();
    }
  });
  request.on('end', finish).on('close', finish).resume();
}
