import type { Json } from '@keystead/audit';

/** The answer of an operation. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** An XML document; nothing for an empty body. */
  readonly body?: string;
  /** The bytes of an object, instead of `body`; `content-length` is in `headers`. */
  readonly stream?: ObjectStream;
  /** What the record of this call says beyond its request parameters. */
  readonly audit?: {
    readonly response?: Record<string, Json>;
    readonly extra?: Record<string, Json>;
    /** True when the record of `stream` is durable already. */
    readonly recorded?: boolean;
  };
}

/** Plaintext that is opened while it is sent. */
export interface ObjectStream {
  /** The next opened chunks; undefined at the end. A failure cuts the connection, so that no client takes it for whole. */
  next(): Promise<Uint8Array[] | undefined>;
  close(): Promise<void>;
}

export const xml = (body: string, headers: Reply['headers'] = {}): Reply => ({
  status: 200,
  headers: { 'content-type': 'application/xml', ...headers },
  body,
});

export const empty = (status: 200 | 204, headers: Reply['headers'] = {}): Reply => ({ status, headers });
