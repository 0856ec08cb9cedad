import { AuthError, type Expected, type Failure, type RawRequest, readHeaders, readTarget } from '../src/index.js';

/** A request as node:http would give it. */
export function request(method: string, target: string, headers: readonly (readonly [string, string])[]): RawRequest {
  return { method, target: readTarget(target), headers: readHeaders(headers.flat()) };
}

export function expectedFor(service: string): Expected {
  const flavour = service === 's3' ? 's3' : service === 'kms' ? 'json' : 'query';
  return { flavour, services: [service], regions: ['us-east-1'] };
}

/** Which failure `run` ends in; undefined when it succeeds. Anything but an AuthError is thrown on. */
export function failureOf(run: () => unknown): Failure | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof AuthError) return error.failure;
    throw error;
  }
}
