import { HsmServiceService, type Call, type Result } from '@keystead/proto/hsm';
import { pipelineClient, type PipelineClient, type TlsIdentity } from '@keystead/service';

type Operation = NonNullable<Call['operation']>;
type Outcome = NonNullable<Result['outcome']>;

/** hsm-service over the coalescing stream. */
export type HsmClient = PipelineClient<Operation, Outcome>;

/** `admit` is asked before a replica of the HSM is used. */
export function hsmClient(options: {
  address: string;
  tls: TlsIdentity;
  admit(address: string): Promise<void>;
}): HsmClient {
  return pipelineClient<Operation, Outcome>({
    ...options,
    method: HsmServiceService.pipeline,
    expected: 'hsm-service',
    // The HSM reads at most 128 KiB; one byte more would break the stream for everybody on it.
    maxMessageBytes: 120 << 10,
    // The HSM keeps nothing of a call: all of it is pure cryptography.
    idempotent: () => true,
    elsewhere: ({ code }) => code === 'RootBehind' || code === 'Sealed',
  });
}
