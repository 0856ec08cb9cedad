import { cloudTrailRecord } from '@keystead/audit';
import { asKeysteadError, type KeysteadError } from '@keystead/errors';
import type { CallContext } from '@keystead/proto/common';
import type { Logger } from '@keystead/service';
import type { Services } from '../clients/services.js';

/** What a request asked for that reached no service. */
export interface Attempt {
  readonly eventSource: string;
  /** AWS's operation name, or what stood in its place. */
  readonly eventName: string;
  readonly readOnly: boolean;
}

/** Records failures after authentication that no other service records. */
export interface Journal {
  /** Resolves when the record is durable; rejects with Internal when it could not be made so. */
  failed(context: CallContext, attempt: Attempt, error: KeysteadError): Promise<void>;
}

const appendTimeout = 5_000;

export function journal(audit: Services['audit'], region: string, log: Logger): Journal {
  return {
    failed: async (context, attempt, error) => {
      const record = cloudTrailRecord(context, { ...attempt, at: new Date(), region, error });
      try {
        await audit.request('append', { record }, { timeoutMs: appendTimeout });
      } catch (cause) {
        log.error({ err: cause, requestId: context.requestId }, 'a refusal could not be recorded');
        throw asKeysteadError(cause);
      }
    },
  };
}
