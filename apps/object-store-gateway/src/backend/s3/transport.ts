import http from 'node:http';
import https from 'node:https';
import { BlobMissing } from '../backend.js';
import type { BlobReader, BlobWriter } from '../backend.js';
import { HttpReader } from './reader.js';
import { responseTo } from './response.js';
import { HttpWriter } from './writer.js';
import type { Beside } from './writer.js';

const IDLE_SOCKETS = 64;
const SILENCE_MS = 30_000;

/** Plain HTTP requests on kept connections, without a stream library between socket and caller. */
export class Transport {
  readonly #http = new http.Agent({ keepAlive: true, maxFreeSockets: IDLE_SOCKETS, scheduling: 'lifo' });
  readonly #https = new https.Agent({ keepAlive: true, maxFreeSockets: IDLE_SOCKETS, scheduling: 'lifo' });

  put(url: string, length: number, beside: Beside): BlobWriter {
    return new HttpWriter(this.#request(url, 'PUT', { 'content-length': String(length) }), length, beside);
  }

  async get(blob: string, url: string, start: number, end: number): Promise<BlobReader> {
    const request = this.#request(url, 'GET', { range: `bytes=${start}-${end - 1}` });
    request.end();
    const response = await responseTo(request);
    if (response.statusCode === 206) return new HttpReader(response, end - start);
    response.resume();
    if (response.statusCode === 404 || response.statusCode === 416) throw new BlobMissing(blob);
    throw new Error(`the object store answered a read with ${response.statusCode}`);
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  #request(url: string, method: string, headers: http.OutgoingHttpHeaders): http.ClientRequest {
    const request = url.startsWith('https:')
      ? https.request(url, { method, headers, agent: this.#https })
      : http.request(url, { method, headers, agent: this.#http });
    request.setTimeout(SILENCE_MS, () => request.destroy(new Error('the object store is silent')));
    return request;
  }
}
