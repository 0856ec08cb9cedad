import { sha256Hex } from '@keystead/sigv4';
import { fetchOnce, type Target } from './connection.js';
import { type Credentials, signedHead } from './sign.js';

/** A request of AWS KMS as one piece of bytes, as the AWS SDK for JavaScript would send it. */
export function kmsRequest(target: Target, operation: string, input: object, credentials: Credentials): Buffer {
  const body = Buffer.from(JSON.stringify(input));
  const unsigned = {
    ...{ method: 'POST', path: '/', host: `${target.host}:${target.port}`, service: 'kms' as const },
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'user-agent': 'aws-sdk-js/3.1164.0 ua/2.1 os/linux#6.1 lang/js md/nodejs#20.20.2 api/kms#3.1164.0',
      'x-amz-target': `TrentService.${operation}`,
    },
    length: body.length,
    payload: sha256Hex(body),
  };
  return Buffer.concat([signedHead(unsigned, credentials), body]);
}

/** Asks AWS KMS once; gives the document of the answer. */
export async function callKms<Output>(
  target: Target,
  operation: string,
  input: object,
  credentials: Credentials,
): Promise<Output> {
  const { body } = await fetchOnce(target, [kmsRequest(target, operation, input, credentials)]);
  return JSON.parse(body.toString('utf8')) as Output;
}
