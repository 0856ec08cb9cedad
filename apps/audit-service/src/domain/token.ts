import { hash } from 'node:crypto';
import { KeysteadError } from '@keystead/errors';
import { newest, type Position } from './page.js';

/** Binds a page token to the parameters that it was made for. */
export function parametersDigest(parameters: readonly unknown[]): string {
  return hash('sha256', JSON.stringify(parameters), 'base64url').slice(0, 22);
}

/** A token for the page that begins at `position`; it holds no secret, only a place and the parameters' digest. */
export function makeToken(digest: string, { at, index }: Position): string {
  return Buffer.from(JSON.stringify([1, digest, at, index])).toString('base64url');
}

/** Where the page begins; throws InvalidNextToken for anything that was not made for these parameters. */
export function readToken(digest: string, token: string | undefined): Position {
  if (token === undefined) return newest;
  const [version, made, at, index] = parse(token);
  if (version !== 1 || made !== digest || !isPlace(at) || !isPlace(index)) throw invalid();
  return { at, index };
}

function parse(token: string): unknown[] {
  if (token.length > 1_024) throw invalid();
  try {
    const value: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

function isPlace(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function invalid(): KeysteadError {
  return new KeysteadError(
    'InvalidNextToken',
    'Invalid token, or token that was previously used in a request with different parameters.',
  );
}
