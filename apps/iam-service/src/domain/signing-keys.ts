import { createHmac } from 'node:crypto';
import { KeysteadError } from '@keystead/errors';

const day = 24 * 60 * 60 * 1000;

/** What a signing key is good for. */
export interface SigningScope {
  /** YYYYMMDD, UTC. */
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

/** Refuses days before seven days ago (a presigned request's longest life) and after tomorrow. */
export function checkScope(scope: SigningScope, now: Date): SigningScope {
  const oldest = dateOf(now.getTime() - 7 * day);
  const newest = dateOf(now.getTime() + day);
  if (!/^\d{8}$/.test(scope.date) || scope.date < oldest || scope.date > newest) {
    throw new KeysteadError('InvalidSignature', `Signing keys are given for ${oldest} to ${newest}.`);
  }
  if (!/^[a-z0-9-]{1,64}$/.test(scope.region) || !/^[a-z0-9-]{1,64}$/.test(scope.service)) {
    throw new KeysteadError('InvalidSignature', 'Credential should be scoped to a valid region and service.');
  }
  return scope;
}

function dateOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10).replaceAll('-', '');
}

/**
 * SigV4's key of one day, Region and service, 32 bytes. Takes the secret as bytes and zeroes what it makes of it, so
 * that no copy of a secret outlives the call.
 */
export function signingKey(secret: Uint8Array, scope: SigningScope): Buffer {
  const start = Buffer.concat([Buffer.from('AWS4'), secret]);
  const dateKey = mac(start, scope.date);
  const regionKey = mac(dateKey, scope.region);
  const serviceKey = mac(regionKey, scope.service);
  for (const used of [start, dateKey, regionKey]) used.fill(0);
  const key = mac(serviceKey, 'aws4_request');
  serviceKey.fill(0);
  return key;
}

function mac(key: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
