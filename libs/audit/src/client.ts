import type { AuditRecord, Call, Result } from '@keystead/proto/audit';
import { AuditServiceService } from '@keystead/proto/audit';
import { pipelineClient, type TlsIdentity } from '@keystead/service';

/** How long a record may take to become durable before the call that it describes fails. */
const appendTimeoutMs = 5_000;

/** Hands records to audit-service over the coalescing stream. */
export interface AuditClient {
  /**
   * Resolves when the record is committed. Rejects with Unavailable or DeadlineExceeded (5 s): the caller then zeroes
   * its result and answers with an internal failure. It may have been committed all the same.
   */
  append(record: AuditRecord): Promise<void>;
  /** Waits for a stream; rejects with Unavailable after `timeoutMs`. */
  waitForReady(timeoutMs: number): Promise<void>;
  readonly ready: boolean;
  close(): void;
}

type Operation = NonNullable<Call['operation']>;
type Outcome = NonNullable<Result['outcome']>;

export function auditClient({ address, tls }: { address: string; tls: TlsIdentity }): AuditClient {
  const pipe = pipelineClient<Operation, Outcome>({
    method: AuditServiceService.pipeline,
    address,
    tls,
    expected: 'audit-service',
    // The journal keeps a record once by its event id, so a broken stream is no reason to fail.
    idempotent: () => true,
  });
  return {
    append: async (record) => {
      await pipe.request('append', { record }, { timeoutMs: appendTimeoutMs });
    },
    waitForReady: (timeoutMs) => pipe.waitForReady(timeoutMs),
    get ready() {
      return pipe.ready;
    },
    close: () => {
      pipe.close();
    },
  };
}
