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

/** Reads a whole body. Rejects with RequestTooLarge as soon as it grows beyond the limit, Serialization when it breaks off. */
export function readBody(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const declared = Number(request.headers['content-length']);
    let length = 0;
    let timer: NodeJS.Timeout | undefined;
    const broken = (message: string): void => reject(new KeysteadError('Serialization', message));
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > maxBody) return reject(tooLarge());
      chunks.push(chunk);
      // Nearly every body is one chunk and needs no timer; before the first one the connection's own limit holds.
      timer ??=
        length === declared ? undefined : setTimeout(broken, bodyTimeout, 'The request body did not arrive in time.');
    });
    request.on('end', () => {
      clearTimeout(timer);
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
    });
    request.on('close', () => {
      clearTimeout(timer);
      if (!request.complete) broken('The request body broke off.');
    });
  });
}
