/** The head of an HTTP answer, as far as reading and writing blobs needs it. */
export interface AnswerHead {
  readonly status: number;
  /** Bytes of the body; undefined when they are not announced. */
  readonly length: number | undefined;
  /** The store keeps the connection open. */
  readonly keepsOpen: boolean;
}

const LENGTH = field('content-length');
const CODING = field('transfer-encoding');
const CONNECTION = field('connection');

/** Reads a head without the empty line that ends it (RFC 9112). Throws when it is none. */
export function readAnswerHead(text: string): AnswerHead {
  const status = /^HTTP\/1\.[01] (\d{3})(?: |\r|$)/.exec(text)?.[1];
  if (status === undefined) throw new Error('the object store does not speak HTTP/1');
  const length = LENGTH.exec(text)?.[1];
  if (length !== undefined && !/^\d{1,15}$/.test(length)) throw new Error('the object store gives no usable length');
  const coded = CODING.test(text);
  const stays = text.startsWith('HTTP/1.1') && CONNECTION.exec(text)?.[1]?.toLowerCase() !== 'close';
  return {
    status: Number(status),
    length: coded || length === undefined ? undefined : Number(length),
    keepsOpen: stays,
  };
}

/** Finds a field's value. */
function field(name: string): RegExp {
  return new RegExp(`\\r\\n${name}:[ \\t]*([^\\r\\n]*?)[ \\t]*(?:\\r|$)`, 'i');
}
