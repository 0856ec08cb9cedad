import type { ClientRequest, IncomingMessage } from 'node:http';

/** The response, or the error of the request. */
export function responseTo(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve).once('error', reject);
  });
}
