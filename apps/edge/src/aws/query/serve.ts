import { isUtf8 } from 'node:buffer';
import { KeysteadError } from '@keystead/errors';
import { PrincipalType } from '@keystead/proto/common';
import { AuthError, decodeQuery, isPresigned } from '@keystead/sigv4';
import { authenticate, readSignature } from '@keystead/service/signing';
import { callContext } from '../../auth/context.js';
import { checkLength, readBody } from '../../http/body.js';
import type { Exchange } from '../../http/exchange.js';
import { forward, type Parts, recorded } from '../../parts.js';
import { iam } from '../iam/index.js';
import { sts, unsigned } from '../sts/index.js';
import { sendResult } from './answer.js';
import type { QueryApi } from './api.js';
import { type Form, formOf, parseForm } from './form.js';
import type { QueryOperation } from './operation.js';

/** IAM is global: its requests are signed for us-east-1, or for the Region of a client with an endpoint of its own. */
const globalRegion = 'us-east-1';

/** One request of IAM or STS, from the head to the answer. Rejects with AuthError or KeysteadError. */
export async function serveQuery(parts: Parts, exchange: Exchange): Promise<void> {
  const { head, request } = exchange;
  if (!isSigned(head)) return serveUnsigned(parts, exchange);
  const regions = [parts.region, globalRegion];
  const auth = readSignature(head, { flavour: 'query', services: ['iam', 'sts'], regions });
  checkLength(request);
  const body = await readBody(request);
  const caller = await authenticate(parts.signingKeys, head, auth, body);
  const context = callContext(exchange, caller);
  exchange.authenticated = true;
  const api = auth.service === 'sts' ? sts : iam;
  let form: Form | undefined;
  let found: QueryOperation;
  let message: unknown;
  try {
    form =
      head.method === 'POST'
        ? parseForm(bodyText(body, head.headers.get('content-type')))
        : formOf(decodeQuery(head.target));
    found = find(api, form);
    message = found.read(form);
  } catch (error) {
    throw await recorded(parts, context, attempt(api, form), error);
  }
  const result = await forward(parts, {
    send: parts.send[api.name],
    exchange,
    operation: found,
    message,
    context,
    attempt: attempt(api, form),
  });
  sendResult(exchange, api, found.name, result as object);
}

function isSigned({ headers, target }: Exchange['head']): boolean {
  return headers.has('authorization') || isPresigned(target);
}

/** Nobody has said who calls: only what proves its caller by a token of its own goes on, anything else is refused. */
async function serveUnsigned(parts: Parts, exchange: Exchange): Promise<void> {
  const { head, request } = exchange;
  checkLength(request);
  const isForm = head.method === 'POST' && /^application\/x-www-form-urlencoded\b/i.test(contentType(exchange));
  const form = isForm ? parseForm(bodyText(await readBody(request), contentType(exchange))) : undefined;
  if (form?.get('Action') !== unsigned) throw new AuthError('MissingAuthentication');
  const found = find(sts, form);
  const context = callContext(exchange, bearer);
  const traceParent = head.headers.get('traceparent') ?? '';
  // What does not get there is nobody's call yet, and in nobody's log.
  const result = await parts.send.sts(found.$case, found.read(form), { context, traceParent });
  sendResult(exchange, sts, found.name, result as object);
}

const contentType = ({ head }: Exchange): string => head.headers.get('content-type') ?? '';

/** Everything about the bearer of a token is for iam-service to find out. */
const bearer = {
  principal: { type: PrincipalType.PRINCIPAL_TYPE_WEB_IDENTITY, arn: '', uniqueId: '', account: '', userName: '' },
  session: undefined,
  accessKeyId: '',
};

function bodyText(body: Buffer, contentType = ''): string {
  if (!/^application\/x-www-form-urlencoded\b/i.test(contentType)) {
    throw new KeysteadError('Serialization', 'The content type must be application/x-www-form-urlencoded.');
  }
  if (!isUtf8(body)) throw new KeysteadError('Serialization', 'The body is not UTF-8.');
  return body.toString('utf8');
}

function find(api: QueryApi, form: Form): QueryOperation {
  const action = form.get('Action');
  if (action === undefined)
    throw new KeysteadError('UnknownOperation', 'The request must contain the parameter Action.');
  const version = form.get('Version');
  const found = version === api.version ? api.operations.get(action) : undefined;
  if (found) return found;
  const shown = action.slice(0, 128);
  throw new KeysteadError(
    'UnknownOperation',
    `Could not find operation ${shown} for version ${version?.slice(0, 32) ?? 'NO_VERSION_SPECIFIED'}`,
  );
}

function attempt({ eventSource }: QueryApi, form: Form | undefined) {
  const action = form?.get('Action') ?? '';
  const eventName = /^[A-Za-z][A-Za-z0-9]{0,127}$/.test(action) ? action : 'UnknownOperation';
  return { eventSource, eventName, readOnly: /^(Get|List|Simulate|Generate)/.test(action) };
}
