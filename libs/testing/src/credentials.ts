import { randomBytes } from 'node:crypto';

/** An access key for an AWS SDK client. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** What an AWS SDK client is made with; S3 needs `forcePathStyle`, the others ignore it. */
export interface ClientConfig {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: Credentials;
  readonly forcePathStyle: true;
}

/** The Region of every harness. */
export const region = 'us-east-1';

/** A fresh access key in AWS's form. */
export function newCredentials(): Credentials {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'; // those of AWS's access key ids
  const id = Array.from(randomBytes(16), (byte) => letters.charAt(byte % letters.length)).join('');
  return { accessKeyId: `AKIA${id}`, secretAccessKey: randomBytes(30).toString('base64') };
}
