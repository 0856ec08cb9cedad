import type { Socket } from 'node:net';
import { callMetrics, counter } from '@keystead/service';
import type { Metrics } from '@keystead/service';

/** Counts requests by operation and code; both come from closed sets, whatever a caller sends. */
export interface Meter {
  /**
   * A request has been answered.
   *
   * @param operation as AWS names it, or UNKNOWN_OPERATION
   * @param code of the answer, "" for success
   */
  done(socket: Socket, operation: string, code: string, seconds: number): void;
}

/** What a request is called until its operation is known, in the log too. */
export const UNKNOWN_OPERATION = 'UnknownOperation';

interface Traffic {
  readonly received: number;
  readonly sent: number;
}

export function meter(registry: Metrics): Meter {
  const requests = callMetrics(registry, 'keystead_s3_requests', 'Requests of S3.');
  const bytes = (direction: string, help: string) =>
    counter(registry, `keystead_s3_${direction}_bytes_total`, help, 'operation');
  const received = bytes('received', 'Bytes received with requests of S3, heads included.');
  const sent = bytes('sent', 'Bytes sent with answers of S3, heads included.');
  // A connection carries one request after the other, and knows its bytes since it began.
  const before = new WeakMap<Socket, Traffic>();
  return {
    done(socket, operation, code, seconds) {
      requests.done(operation, code, seconds);
      const { received: wasReceived, sent: wasSent } = before.get(socket) ?? { received: 0, sent: 0 };
      const now = { received: socket.bytesRead, sent: socket.bytesWritten };
      before.set(socket, now);
      received(operation, now.received - wasReceived);
      // What a connection that was cut had still to send it no longer counts.
      sent(operation, Math.max(0, now.sent - wasSent));
    },
  };
}
