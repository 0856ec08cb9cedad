import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Authentication, HeaderMap, Target } from '@keystead/sigv4';
import type { CallContext } from '@keystead/proto/common';

/** How a request reached this system: known from the socket, or from edge when it was forwarded. */
export interface Arrival {
  /** UUID; shown to the client and written into the log. */
  readonly requestId: string;
  /** The client's address without a port. */
  readonly sourceIp: string;
  /** TLS version of the client's own connection; empty without TLS. */
  readonly tlsVersion: string;
  readonly cipherSuite: string;
  /** W3C traceparent of edge's span; empty where the client's own header counts. */
  readonly traceParent: string;
}

/** A request head, read but not yet believed. */
export interface RequestHead {
  readonly arrival: Arrival;
  readonly method: string;
  readonly target: Target;
  readonly headers: HeaderMap;
  /** Decoded query parameters by name. */
  readonly query: ReadonlyMap<string, string>;
  readonly bucket: string | undefined;
  readonly key: string | undefined;
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  /** True when the client waits for 100 Continue. */
  readonly expectsContinue: boolean;
}

/** An authenticated request. */
export interface S3Request extends RequestHead {
  readonly context: CallContext;
  readonly auth: Authentication;
  readonly signingKey: Uint8Array;
  /** The one value of a header by lower-case name. */
  readonly header: (name: string) => string | undefined;
}
