import type { Identity } from '../clients/identity.js';
import { bucketArn, objectArn } from '../domain/arn.js';
import { S3Error } from '../domain/s3-error.js';
import type { SealedRecord } from '../domain/record-seal.js';
import type { Bucket } from '../store/buckets.js';
import type { Gateway } from '../gateway.js';
import { conditionValues } from './conditions.js';
import { authenticate } from './http/authenticate.js';
import { failureOf } from './http/failure.js';
import type { Failure } from './http/failure.js';
import { type Meter, UNKNOWN_OPERATION } from './http/meter.js';
import { Observed } from './http/observed.js';
import type { Refusals } from './http/refusals.js';
import type { RequestHead, S3Request } from './http/request.js';
import { sendFailure, sendObject, sendReply } from './http/send.js';
import { Journal, type Outcome } from './journal.js';
import type { Operation } from './operation.js';
import type { Reply } from './reply.js';
import { route } from './route.js';
import { screen } from './screen.js';

/** What the way of a request needs beside the gateway. */
export interface Handler {
  readonly gateway: Gateway;
  readonly identity: Identity;
  readonly refusals: Refusals;
  readonly meter: Meter;
}

/** One request from its head to its last byte: authenticate, find the operation, authorize, run, record, answer. */
export async function handle(handler: Handler, head: RequestHead): Promise<void> {
  const observed = new Observed(handler.meter, head);
  try {
    await observed.run(() => serve(handler, head, observed));
  } finally {
    // Whatever has no answer by now will have none.
    observed.end({ code: 'InternalError', status: 500 });
  }
}

async function serve({ gateway, identity, refusals }: Handler, head: RequestHead, observed: Observed): Promise<void> {
  let request: S3Request;
  try {
    request = await authenticate(head, identity, gateway.region);
  } catch (error) {
    observed.end(refuse(head, error, refusals, gateway));
    return;
  }
  const journal = new Journal(gateway, plainOperation(request), request);
  try {
    const reply = await answer(gateway, request, journal, observed);
    await send(request, journal, reply, observed);
    // The answer has left: its record waits a moment for others.
    if (reply.stream && !reply.audit?.recorded) await journal.ended(outcomeOf(reply));
  } catch (error) {
    observed.end(await fail(gateway, request, journal, error));
  }
}

/** Before authentication nothing reaches the journal: a stranger must not be able to fill it. */
function refuse(head: RequestHead, error: unknown, refusals: Refusals, { log }: Gateway): Failure {
  const failure = failureOf(error);
  if (failure.status >= 500)
    log.error({ err: error, requestId: head.arrival.requestId }, 'a caller could not be checked');
  else refusals.count(head.arrival.sourceIp, failure.code);
  sendFailure(head.response, head.incoming, failure, head.arrival.requestId);
  return failure;
}

async function answer(gateway: Gateway, request: S3Request, journal: Journal, observed: Observed): Promise<Reply> {
  const operation = route(request);
  journal.operation = operation;
  observed.operation = operation.name;
  if (operation.scope === 'service') return runService(gateway, request, journal, operation);
  const { bucket, object: found } = await lookUp(gateway, request, operation);
  if (!bucket) throw new S3Error('NoSuchBucket', undefined, { BucketName: (request.bucket ?? '').slice(0, 255) });
  journal.owner = bucket.account;
  screen(request, operation, bucket.account);
  const { name, account } = bucket;
  const key = request.key ?? '';
  const resource = operation.scope === 'object' ? objectArn(name, key) : bucketArn(name);
  await authorize(gateway, request, operation, resource, account);
  if (!operation.readOnly) gateway.outbox.assertNotBehind();
  if (operation.scope === 'object') return operation.run({ request, journal, bucket, key, found }, gateway);
  return operation.run({ request, journal, bucket }, gateway);
}

async function lookUp(
  { store }: Gateway,
  request: S3Request,
  operation: Operation,
): Promise<{ bucket: Bucket | undefined; object?: SealedRecord | undefined }> {
  const { bucket = '', key = '' } = request;
  if (operation.scope !== 'object') return { bucket: await store.bucket(bucket) };
  if (operation.checksBucketLast) return { bucket: await store.recentBucket(bucket) };
  if (!operation.findsObject) return { bucket: await store.bucket(bucket) };
  return (await store.bucketAndObject(bucket, key)) ?? { bucket: undefined };
}

async function runService(
  gateway: Gateway,
  request: S3Request,
  journal: Journal,
  operation: Extract<Operation, { scope: 'service' }>,
): Promise<Reply> {
  const account = request.context.principal?.account ?? '';
  journal.owner = account;
  screen(request, operation, undefined);
  const resource = request.bucket === undefined ? '*' : bucketArn(request.bucket);
  await authorize(gateway, request, operation, resource, account);
  if (!operation.readOnly) gateway.outbox.assertNotBehind();
  return operation.run({ request, journal }, gateway);
}

async function authorize(
  { access }: Gateway,
  request: S3Request,
  { action }: Operation,
  resource: string,
  account: string,
): Promise<void> {
  // DeleteObjects asks for each of its objects.
  if (action === '') return;
  await access.check(request.context, { action, resource, account, values: conditionValues(request, account) });
}

async function send(request: S3Request, journal: Journal, reply: Reply, observed: Observed): Promise<void> {
  const { response, incoming, arrival } = request;
  if (!reply.stream) {
    if (!journal.settled) await journal.completed(outcomeOf(reply));
    sendReply(response, incoming, reply, arrival.requestId);
    observed.end();
    return;
  }
  try {
    await sendObject(response, reply, reply.stream, arrival.requestId);
    observed.end();
  } finally {
    await reply.stream.close();
  }
}

const outcomeOf = ({ audit }: Reply): Outcome => ({ response: audit?.response, extra: audit?.extra });

async function fail({ log }: Gateway, request: S3Request, journal: Journal, thrown: unknown): Promise<Failure> {
  const { response, incoming, arrival } = request;
  let failure = failureOf(thrown);
  if (failure.status >= 500 && failure.code !== 'NotImplemented') {
    const cause = thrown instanceof S3Error ? thrown.cause : thrown;
    log.error({ err: cause ?? thrown, requestId: arrival.requestId, code: failure.code }, 'a request failed');
  }
  try {
    if (!journal.settled) await journal.completed({ error: { code: failure.code, message: failure.message } });
  } catch (error) {
    log.error({ err: error, requestId: arrival.requestId }, 'a failure could not be recorded');
    failure = new S3Error('InternalError');
  }
  sendFailure(response, incoming, failure, arrival.requestId);
  return failure;
}

/** What the journal calls a request until its operation is known. */
function plainOperation({ method }: S3Request): Pick<Operation, 'name' | 'category' | 'readOnly'> {
  return { name: UNKNOWN_OPERATION, category: 'Management', readOnly: method === 'GET' || method === 'HEAD' };
}
