import { randomUUID } from 'node:crypto';
import { isCode, wire, type Code } from './codes.js';

/** A failure that the caller is told about; its message is in AWS's words and holds no secret. */
export class KeysteadError extends Error {
  readonly code: Code;
  /** Further fields of AWS's error shape, for example the resource. */
  readonly details: Readonly<Record<string, string>>;

  constructor(code: Code, message = '', options: { details?: Record<string, string>; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = wire[code].aws;
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** The shape in which an error travels between services (keystead.common.v1.ErrorDetail). */
export interface ErrorOnWire {
  code: string;
  message: string;
  details: Record<string, string>;
}

/** Characters of a message that travel: one that repeats a caller's input must not break the stream that others share. */
const maxMessage = 16_384;

/** What may leave the process of an error; anything that is not ours has become Internal before. */
export function toWire(error: KeysteadError): ErrorOnWire {
  return { code: error.code, message: error.message.slice(0, maxMessage), details: { ...error.details } };
}

/** Reads an error that another service sent; a code of a newer version becomes Internal. */
export function fromWire(sent: ErrorOnWire): KeysteadError {
  if (isCode(sent.code)) return new KeysteadError(sent.code, sent.message, { details: sent.details });
  return new KeysteadError('Internal', sent.message, { details: { ...sent.details, 'unknown-code': sent.code } });
}

/**
 * Turns anything thrown into an error for the wire. What is not a KeysteadError becomes Internal with
 * an id; the cause stays on the object for the operator's log and never travels.
 */
export function asKeysteadError(thrown: unknown): KeysteadError {
  if (thrown instanceof KeysteadError) return thrown;
  const id = randomUUID();
  return new KeysteadError('Internal', `Internal error ${id}.`, { details: { 'error-id': id }, cause: thrown });
}

/** True for an error with one of these codes. */
export function hasCode(thrown: unknown, ...codes: Code[]): thrown is KeysteadError {
  return thrown instanceof KeysteadError && codes.includes(thrown.code);
}
