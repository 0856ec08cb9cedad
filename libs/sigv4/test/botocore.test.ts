import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Authentication, deriveSigningKey, readAuthentication, readTimestamp, sha256Hex } from '../src/index.js';
import { verifySignature } from '../src/index.js';
import { expectedFor, failureOf, request } from './support.js';

interface Case {
  name: string;
  service: string;
  method: string;
  target: string;
  headers: [string, string][];
  body: string;
}

const vectors = JSON.parse(readFileSync(new URL('./vectors/botocore.json', import.meta.url), 'utf8')) as {
  now: string;
  secret: string;
  cases: Case[];
};
const now = readTimestamp(vectors.now) as number;

function verify(c: Case): Authentication {
  const raw = request(c.method, c.target, c.headers);
  const auth = readAuthentication(raw, expectedFor(c.service), now);
  verifySignature(raw, auth, deriveSigningKey(vectors.secret, auth.date, auth.region, auth.service), sha256Hex(c.body));
  return auth;
}

describe('requests signed by botocore', () => {
  for (const c of vectors.cases) {
    test(`${c.name} is accepted`, () => {
      expect(verify(c).accessKeyId).toBe('AKIDEXAMPLE');
    });

    test(`${c.name}: any change is refused`, () => {
      const changed: Case[] = [
        { ...c, method: c.method === 'GET' ? 'PUT' : 'GET' },
        { ...c, target: c.target.includes('?') ? `${c.target}&x=1` : `${c.target}?x=1` },
        { ...c, target: `/other${c.target}` },
        ...c.headers.map((_, at) => ({ ...c, headers: touch(c.headers, at) })),
      ];
      if (c.service !== 's3') changed.push({ ...c, body: `${c.body} ` });
      const unsigned = new Set(['user-agent', 'content-length']);
      for (const other of changed) {
        const touched = other.headers.find(([, value], at) => value !== c.headers[at]?.[1])?.[0].toLowerCase();
        if (touched !== undefined && unsigned.has(touched)) continue;
        expect(
          failureOf(() => verify(other)),
          JSON.stringify(other),
        ).toBeDefined();
      }
    });
  }
});

function touch(headers: [string, string][], at: number): [string, string][] {
  return headers.map(([name, value], i) => [name, i === at ? flipLast(value) : value]);
}

function flipLast(value: string): string {
  const last = value.charCodeAt(value.length - 1);
  return value.slice(0, -1) + String.fromCharCode(last === 0x30 ? 0x31 : 0x30);
}
