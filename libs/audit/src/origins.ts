import { bound, telemetryEnabled } from '@keystead/service';
import type { AuditRecord } from '@keystead/proto/audit';

/** What is delivered within a second is delivered long before so many others come. */
const mostOrigins = 10_000;

type Run = <T>(work: () => T) => T;

/** By event id: the database knows no traces, and has no use for them. */
const origins = new Map<string, Run>();

/**
 * Notes in whose trace a record is put into the outbox, so that its delivery, which comes later and together with others',
 * appears there and not in the trace of whoever woke the worker. What another replica delivers has a trace of its own.
 */
export function noteOrigin({ eventId }: AuditRecord): void {
  if (!telemetryEnabled()) return;
  for (const oldest of origins.keys()) {
    if (origins.size < mostOrigins) break;
    origins.delete(oldest);
  }
  origins.set(
    eventId,
    bound((work) => work()),
  );
}

/** Runs `work` in the trace in which the record was written, if that is known. */
export function inOrigin<T>({ eventId }: AuditRecord, work: () => T): T {
  const run = origins.get(eventId);
  return run ? run(work) : work();
}

/** The record has arrived. */
export function forgetOrigin({ eventId }: AuditRecord): void {
  origins.delete(eventId);
}
