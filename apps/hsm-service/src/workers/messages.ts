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

/** Overwrites every byte array in a message, or the message itself if it is one. */
export function overwrite(message: unknown): void {
  if (message instanceof Uint8Array) message.fill(0);
  else if (typeof message === 'object' && message !== null) {
    for (const value of Object.values(message)) if (value instanceof Uint8Array) value.fill(0);
  }
}
