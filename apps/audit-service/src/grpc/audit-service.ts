import { AuditServiceService, type AuditServiceServer, type Call, type Result } from '@keystead/proto/audit';
import { byCase, pipeline, unary } from '@keystead/service';
import { KeysteadError } from '@keystead/errors';
import { append, mayAppend } from './append.js';
import { lookup, type LookupOptions } from './lookup-events.js';

type Operation = NonNullable<Call['operation']>;
type Outcome = NonNullable<Result['outcome']>;

/** append for the services that write records, lookup_events for edge. */
export function auditService(options: LookupOptions & { testMode: boolean }): AuditServiceServer {
  const allow = (peer: Parameters<typeof mayAppend>[0]): boolean => mayAppend(peer, options.testMode);
  return {
    pipeline: pipeline<Operation, Outcome>({
      method: AuditServiceService.pipeline,
      allow,
      handle: byCase<Operation, Outcome>({
        append: (request, { peer }) => append(options.append, request, peer),
        lookupEvents: (request, call) => lookup(options, request, call),
      }),
    }),
    append: unary((request, { peer }) => {
      if (!allow(peer)) throw new KeysteadError('AccessDenied', 'This peer may not use this service.');
      return append(options.append, request, peer);
    }),
  };
}
