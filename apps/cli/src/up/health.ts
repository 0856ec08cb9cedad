import { request as overHttp } from 'node:http';
import { request as overHttps } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../failure.js';

const withinMs = 60_000;

/** Waits until edge says that everything behind it answers. */
export async function untilHealthy(endpoint: string, authority: string, signal: AbortSignal): Promise<void> {
  const url = new URL('/_keystead/health', endpoint);
  const until = Date.now() + withinMs;
  let answer = 'no answer';
  while (!signal.aborted) {
    const { status, body } = await get(url, authority);
    if (status === 200) return;
    if (status !== 0) answer = body.slice(0, 500);
    if (Date.now() > until)
      throw new Failure(`The endpoint ${endpoint} is not healthy after ${withinMs / 1000} s: ${answer}`);
    await sleep(50);
  }
}

function get(url: URL, authority: string): Promise<{ status: number; body: string }> {
  const request = url.protocol === 'https:' ? overHttps : overHttp;
  return new Promise((resolve) => {
    const call = request(url, { ca: authority, timeout: 2_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', () => resolve({ status: 0, body: '' }));
    });
    call.on('timeout', () => call.destroy());
    call.on('error', () => resolve({ status: 0, body: '' }));
    call.end();
  });
}
