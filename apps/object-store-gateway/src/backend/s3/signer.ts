import { hmacSha256 } from '@keystead/crypto/hash';
import { deriveSigningKey, formatTimestamp, sha256Hex } from '@keystead/sigv4';

/** Who signs, and for which Region. */
export interface SignerOptions {
  /** host:port as the Host header says it. */
  readonly host: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
}

/** The sealed bytes are authenticated by their own tags: hashing them once more would cost more than sealing them. */
const PAYLOAD = 'UNSIGNED-PAYLOAD';
const SIGNED = 'host;x-amz-content-sha256;x-amz-date';

/** Makes heads of HTTP requests that are signed with SigV4 (header form). */
export class Signer {
  readonly #options: SignerOptions;
  #day = '';
  #key: Buffer = Buffer.alloc(0);

  constructor(options: SignerOptions) {
    this.#options = options;
  }

  /** The head of a request for `path`, in which nothing needs an escape; `more` is not signed. */
  head(method: 'GET' | 'PUT', path: string, more: string, now = Date.now()): Buffer {
    const { host, accessKeyId, region } = this.#options;
    const timestamp = formatTimestamp(now);
    const scope = `${timestamp.slice(0, 8)}/${region}/s3/aws4_request`;
    const headers = `host:${host}\nx-amz-content-sha256:${PAYLOAD}\nx-amz-date:${timestamp}\n`;
    const canonical = `${method}\n${path}\n\n${headers}\n${SIGNED}\n${PAYLOAD}`;
    const text = `AWS4-HMAC-SHA256\n${timestamp}\n${scope}\n${sha256Hex(canonical)}`;
    const signature = hmacSha256(this.#signingKey(timestamp.slice(0, 8)), text).toString('hex');
    const authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${SIGNED}, Signature=${signature}`;
    const lines = `host: ${host}\r\nx-amz-content-sha256: ${PAYLOAD}\r\nx-amz-date: ${timestamp}\r\n`;
    return Buffer.from(
      `${method} ${path} HTTP/1.1\r\n${lines}authorization: ${authorization}\r\n${more}\r\n`,
      'latin1',
    );
  }

  #signingKey(day: string): Buffer {
    if (day !== this.#day) {
      this.#key = deriveSigningKey(this.#options.secretAccessKey, day, this.#options.region, 's3');
      this.#day = day;
    }
    return this.#key;
  }
}
