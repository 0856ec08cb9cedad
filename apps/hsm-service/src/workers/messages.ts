import type { JobArguments, JobName, JobResult } from '../domain/jobs.js';

/** A job on its way to a thread. */
export interface Order {
  readonly id: number;
  readonly name: JobName;
  readonly args: JobArguments<JobName>;
}

/** Its result, or why there is none. */
export type Answer =
  { readonly id: number; readonly result: JobResult<JobName> } | { readonly id: number; readonly failure: string };

/** Overwrites every byte array in a message, or the message itself if it is one; what was moved away is not ours any more. */
export function overwrite(message: unknown): void {
  if (message instanceof Uint8Array) wipe(message);
  else if (typeof message === 'object' && message !== null) {
    for (const value of Object.values(message)) if (value instanceof Uint8Array) wipe(value);
  }
}

function wipe(bytes: Uint8Array): void {
  if (bytes.byteLength > 0) bytes.fill(0);
}

/** Jobs whose results are secret. */
const SECRET: ReadonlySet<JobName> = new Set<JobName>([
  ...(['generateKeyPair', 'decrypt', 'agree', 'encapsulate', 'decapsulate', 'unwrapMaterial', 'openTransfer'] as const),
]);

/**
 * The result of a job as it travels, and the memory that goes with it: secrets are moved and not copied, since a copy on its
 * way lies in memory that nobody can overwrite.
 */
export function leaving(name: JobName, result: JobResult<JobName>): { result: unknown; moved: ArrayBuffer[] } {
  const moved: ArrayBuffer[] = [];
  if (!SECRET.has(name)) return { result, moved };
  if (result instanceof Uint8Array) return { result: alone(result, moved), moved };
  if (typeof result !== 'object') return { result, moved };
  const parts = Object.entries(result).map(([key, value]: [string, unknown]) => [
    key,
    value instanceof Uint8Array ? alone(value, moved) : value,
  ]);
  return { result: Object.fromEntries(parts) as unknown, moved };
}

/** Bytes that share their memory with others get memory of their own, and are overwritten where they were. */
function alone(bytes: Uint8Array, moved: ArrayBuffer[]): Uint8Array {
  const shares = bytes.byteLength < bytes.buffer.byteLength;
  const own = shares ? Uint8Array.from(bytes) : bytes;
  if (shares) bytes.fill(0);
  moved.push(own.buffer as ArrayBuffer);
  return own;
}
