import { AuditServiceService, type Call, type Result } from '@keystead/proto/audit';
import { logger, pipeline, runService, type Running, serve, type Success, tlsIdentity } from '@keystead/service';
import { KeysteadError } from '@keystead/errors';
import { type EchoConfig, readEchoConfig } from './config.js';

type Operation = NonNullable<Call['operation']>;
type Outcome = NonNullable<Result['outcome']>;

/** audit-service without its database: every record is durable at once. */
async function start({ listen, opsListen, tlsDir, logLevel }: EchoConfig): Promise<Running> {
  const stream = pipeline<Operation, Outcome>({
    method: AuditServiceService.pipeline,
    handle: async ({ $case }): Promise<Success<Outcome>> => {
      if ($case === 'append') return { $case, value: { index: 1n } };
      throw new KeysteadError('UnknownOperation', 'An echo finds nothing.');
    },
  });
  return serve({
    ...{ name: 'echo-audit', listen, opsListen, tls: tlsIdentity(tlsDir), log: logger('echo-audit', logLevel) },
    services: [{ definition: AuditServiceService, implementation: { pipeline: stream } }],
  });
}

await runService('echo-audit', readEchoConfig, start);
