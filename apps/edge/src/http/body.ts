import type { IncomingMessage } from 'node:http';
import { KeysteadError } from '@keystead/errors';

/** Largest body of a KMS, CloudTrail, IAM or STS request, in bytes. */
export const maxBody = 512 * 1024;
/** Longest time for such a body to arrive, in milliseconds. */
const bodyTimeout = 20_000;

const tooLarge = (): KeysteadError =>
  new KeysteadError('RequestTooLarge', `The request body exceeds the limit of ${maxBody} bytes.`);

/** Refuses by its declared length a body that is too large, before any of it is read. */
export function checkLength(request: IncomingMessage): void {
  if (Number(request.headers['content-length'] ?? 0) > maxBody) throw tooLarge();
}

/**
 * Bytes of large bodies on their way, together: what strangers begin and do not end must not fill the memory. Bodies up
 * to `small` are taken all the same, so that whoever fills this room keeps nobody else from calling.
 */
const maxArriving = 64 * 1024 * 1024;
const small = 16 * 1024;
let arriving = 0;

/**
 * Reads a whole body. Rejects with RequestTooLarge as soon as it grows beyond the limit, Throttling when too much is on
 * its way already, Serialization when it breaks off.
 */
export function readBody(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const body = new ArrivingBody();
    const declared = Number(request.headers['content-length']);
    let timer: NodeJS.Timeout | undefined;
    const refuse = (error: KeysteadError): void => {
      clearTimeout(timer);
      request.off('data', take);
      body.forget();
      reject(error);
    };
    const broken = (message: string): void => refuse(new KeysteadError('Serialization', message));
    const take = (chunk: Buffer): void => {
      if (body.length + chunk.length > maxBody) return refuse(tooLarge());
      if (!body.add(chunk)) return refuse(new KeysteadError('Throttling', 'Rate exceeded'));
      // Nearly every body is one chunk and needs no timer; before the first one the connection's own limit holds.
      timer ??=
        body.length === declared
          ? undefined
          : setTimeout(broken, bodyTimeout, 'The request body did not arrive in time.');
    };
    request.on('data', take);
    request.on('end', () => {
      clearTimeout(timer);
      resolve(body.whole());
    });
    request.on('close', () => {
      clearTimeout(timer);
      if (!request.complete) broken('The request body broke off.');
    });
  });
}

/** Small chunks are joined from time to time: each costs a hundred bytes beside its own, which may be one. */
const maxLoose = 256;

/** What has arrived of one body. */
class ArrivingBody {
  length = 0;
  #joined: Buffer[] = [];
  #loose: Buffer[] = [];

  /** False when there is no room for it. */
  add(chunk: Buffer): boolean {
    if (arriving + chunk.length > maxArriving && this.length + chunk.length > small) return false;
    arriving += chunk.length;
    this.length += chunk.length;
    this.#loose.push(chunk);
    if (this.#loose.length === maxLoose) this.#joined.push(Buffer.concat(this.#loose.splice(0)));
    return true;
  }

  /** All of it; it is not on its way any more. */
  whole(): Buffer {
    const chunks = [...this.#joined, ...this.#loose];
    this.forget();
    return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
  }

  forget(): void {
    arriving -= this.length;
    this.length = 0;
    this.#joined = [];
    this.#loose = [];
  }
}
