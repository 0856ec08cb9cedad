import type { AuditRecord } from '@keystead/proto/audit';
import { bound } from '@keystead/service';

/** Records of what has been answered already, on their way to the log. */
export interface Trailing {
  /** Resolves when the record is durable; rejects when that fails. */
  do(record: AuditRecord): Promise<unknown>;
  /** Hands over what waits, and waits for it. */
  close(): Promise<void>;
}

/** Long enough for company under load, short enough that who reads the log after an answer hardly notices. */
const WAIT_MS = 20;

/**
 * Hands records over in groups. The log commits a group at once, at little more than the price of one record; the answer
 * does not wait for it, and that it was allowed is durable since before its first byte.
 */
export function trailing(append: (record: AuditRecord) => Promise<unknown>, waitMs = WAIT_MS): Trailing {
  let waiting: (() => Promise<unknown>)[] = [];
  let timer: NodeJS.Timeout | undefined;
  const handOver = async (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    const group = waiting;
    waiting = [];
    await Promise.all(group.map((hand) => hand()));
  };
  return {
    do: (record) =>
      new Promise((resolve, reject) => {
        // The timer is that of whoever came first: each record is handed over in the trace of its own call.
        waiting.push(bound(() => append(record).then(resolve, reject)));
        timer ??= setTimeout(() => void handOver(), waitMs);
      }),
    close: handOver,
  };
}
