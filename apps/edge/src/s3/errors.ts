import { answerAndClose } from '../http/answer.js';
import type { Exchange } from '../http/exchange.js';
import { escapeXml } from '../aws/query/xml.js';

/** An error that edge itself answers on S3's behalf. */
export function sendS3Error(exchange: Exchange, status: number, code: string, message: string): void {
  const { request, response, id, head } = exchange;
  const resource = `<Resource>${escapeXml(head.target.path)}</Resource>`;
  const error = `<Error><Code>${code}</Code><Message>${escapeXml(message)}</Message>${resource}<RequestId>${id}</RequestId></Error>`;
  const headers = ['x-amz-request-id', id, 'Content-Type', 'application/xml'];
  answerAndClose(request, response, status, headers, `<?xml version="1.0" encoding="UTF-8"?>\n${error}`);
}
