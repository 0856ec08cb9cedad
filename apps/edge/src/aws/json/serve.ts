import { isUtf8 } from 'node:buffer';
import { KeysteadError } from '@keystead/errors';
import { callContext } from '../../auth/context.js';
import { authenticate, readSignature } from '@keystead/service/signing';
import { checkLength, readBody } from '../../http/body.js';
import type { Exchange } from '../../http/exchange.js';
import { forward, type Parts, recorded } from '../../parts.js';
import type { JsonApi } from './api.js';
import { sendJson } from './answer.js';
import type { JsonOperation } from './operation.js';
import type { JsonTarget } from './target.js';

/** One request of a JSON 1.1 service, from the head to the answer. Rejects with AuthError or KeysteadError. */
export async function serveJson(parts: Parts, exchange: Exchange, { api, operation }: JsonTarget): Promise<void> {
  const { head, request } = exchange;
  const expected = { flavour: 'json', services: [api.name], regions: [parts.region] } as const;
  const auth = readSignature(head, expected);
  checkLength(request);
  const body = await readBody(request);
  const caller = await authenticate(parts.signingKeys, head, auth, body);
  const context = callContext(exchange, caller);
  exchange.authenticated = true;
  let found: JsonOperation;
  let message: unknown;
  try {
    found = find(api, operation, head.headers.get('content-type'));
    message = found.read(parseJson(body));
  } catch (error) {
    throw await recorded(parts, context, attempt(api, operation), error);
  }
  const answer = await forward(parts, {
    send: parts.send[api.name],
    exchange,
    operation: found,
    message,
    context,
    attempt: attempt(api, operation),
  });
  sendJson(exchange, found.write?.(answer));
}

function attempt(api: JsonApi, operation: string) {
  const eventName = /^[A-Za-z][A-Za-z0-9]{0,63}$/.test(operation) ? operation : 'UnknownOperation';
  return { eventSource: api.eventSource, eventName, readOnly: api.isReadOnly(operation) };
}

function find(api: JsonApi, operation: string, contentType = ''): JsonOperation {
  if (!/^application\/x-amz-json-1\.[01]\b/i.test(contentType)) {
    throw new KeysteadError('UnknownOperation', 'The content type must be application/x-amz-json-1.1.');
  }
  const found = api.operations.get(operation);
  if (found) return found;
  if (api.notOffered(operation))
    throw new KeysteadError('UnsupportedOperation', `${operation} is not offered by Keystead.`);
  throw new KeysteadError('UnknownOperation', '');
}

/** The document in a body. Throws Serialization. */
export function parseJson(body: Buffer): unknown {
  if (!isUtf8(body)) throw new KeysteadError('Serialization', 'The body is not UTF-8.');
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new KeysteadError('Serialization', 'The body is not valid JSON.');
  }
}
