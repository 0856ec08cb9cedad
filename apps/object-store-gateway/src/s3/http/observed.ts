import { serverSpan, telemetryEnabled } from '@keystead/service';
import type { CallSpan } from '@keystead/service';
import type { Failure } from './failure.js';
import { type Meter, UNKNOWN_OPERATION } from './meter.js';
import type { RequestHead } from './request.js';

/** What the operator sees of one request: a span, and what the metrics count. */
export class Observed {
  readonly #meter: Meter;
  readonly #head: RequestHead;
  readonly #span: CallSpan;
  readonly #began = performance.now();
  #operation = UNKNOWN_OPERATION;
  #ended = false;

  constructor(meter: Meter, head: RequestHead) {
    this.#meter = meter;
    this.#head = head;
    this.#span = serverSpan(UNKNOWN_OPERATION, head.arrival.traceParent || (head.headers.get('traceparent') ?? ''));
    if (telemetryEnabled()) this.#span.describe(attributesOf(head));
  }

  /** Runs `work` in the trace of the request. */
  run<T>(work: () => T): T {
    return this.#span.run(work);
  }

  /** Names the operation. */
  set operation(name: string) {
    this.#operation = name;
    if (telemetryEnabled()) this.#span.describe({}, name);
  }

  /** The answer has been handed over whole, or was cut off; only the first call counts. */
  end(failure?: Pick<Failure, 'code' | 'status'>): void {
    if (this.#ended) return;
    this.#ended = true;
    const seconds = (performance.now() - this.#began) / 1_000;
    this.#meter.done(this.#head.incoming.socket, this.#operation, failure?.code ?? '', seconds);
    if (telemetryEnabled()) this.#span.describe(outcomeOf(this.#head.response.statusCode, failure));
    this.#span.end(isOurs(failure) ? failure?.code : undefined);
  }
}

/** HTTP's convention: what a client did wrong is no error of a server's span. */
const isOurs = (failure: Pick<Failure, 'status'> | undefined): boolean => (failure?.status ?? 0) >= 500;

function outcomeOf(status: number, failure: Pick<Failure, 'code' | 'status'> | undefined) {
  return {
    'http.response.status_code': status,
    'keystead.error': failure?.code,
    'error.type': isOurs(failure) ? failure?.code : undefined,
  };
}

/** Methods of RFC 9110 and RFC 5789; the convention calls all others one name. */
const METHODS: ReadonlySet<string> = new Set('GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH'.split(' '));
/** Longer than any path that names an object, so that a stranger does not fill the collector. */
const MOST_TEXT = 4_096;

/**
 * OpenTelemetry's attributes of a request over HTTP and of S3 (opentelemetry.io/docs/specs/semconv). Neither the query as
 * it came is among them, where a presigned request has its signature and session token, nor a header that proves anything.
 */
function attributesOf({ arrival, method, target, headers, query, bucket, key, incoming }: RequestHead) {
  const known = METHODS.has(method);
  const partNumber = query.get('partNumber') ?? '';
  return {
    'http.request.method': known ? method : '_OTHER',
    'http.request.method_original': known ? undefined : method.slice(0, MOST_TEXT),
    'url.scheme': arrival.tlsVersion === '' ? 'http' : 'https',
    'url.path': target.path.slice(0, MOST_TEXT),
    'network.protocol.version': incoming.httpVersion,
    'client.address': arrival.sourceIp,
    'user_agent.original': headers.get('user-agent')?.slice(0, MOST_TEXT),
    'aws.request_id': arrival.requestId,
    'aws.s3.bucket': bucket?.slice(0, MOST_TEXT),
    'aws.s3.key': key,
    'aws.s3.copy_source': headers.get('x-amz-copy-source')?.slice(0, MOST_TEXT),
    'aws.s3.upload_id': query.get('uploadId')?.slice(0, MOST_TEXT),
    'aws.s3.part_number': /^\d{1,5}$/.test(partNumber) ? Number(partNumber) : undefined,
  };
}
