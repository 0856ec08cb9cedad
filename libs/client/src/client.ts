import type { ChannelCredentials } from '@grpc/grpc-js';
import { KmsServiceClient, KmsServiceService, type Call, type Result } from '@keystead/proto/kms';
import {
  channelCredentials,
  channelOptions,
  invoke,
  pipelineClient,
  tlsIdentity,
  type UnaryMethod,
} from '@keystead/service';
import { complete, operations, type OperationName, type Requests, type Responses } from './operations.js';

/** How to reach kms-service. */
export interface KmsClientOptions {
  /** host:port; a name behind which several replicas stand is looked up again and again. */
  readonly endpoint: string;
  /**
   * Folder with ca.crt, tls.crt and tls.key as `keystead client-cert` writes it: the certificate says as which
   * principal the client acts. Renewed files are used without a restart.
   */
  readonly tls: string;
  /**
   * True (the default) sends concurrent calls together on one long-lived stream, which costs a fraction
   * of the CPU of one RPC each. False makes unary RPCs.
   */
  readonly coalesce?: boolean;
}

/** Options of one call. */
export interface KmsCallOptions {
  /** Milliseconds until the call fails with DeadlineExceeded; default 10,000. */
  readonly timeoutMs?: number;
  /** Gives the call up. */
  readonly signal?: AbortSignal;
}

/**
 * AWS KMS's operations over gRPC, with AWS's names, limits and errors. Rejects with KeysteadError, whose
 * `name` is AWS's ("DisabledException") and whose `code` is ours ("Disabled").
 * https://docs.aws.amazon.com/kms/latest/APIReference/API_Operations.html
 */
export type KmsClient = {
  readonly [Name in OperationName]: (
    request: Partial<Requests[Name]>,
    options?: KmsCallOptions,
  ) => Promise<Responses[Name]>;
} & Disposable & {
    /** Ends the connection; calls in flight fail with Unavailable. */
    close(): void;
  };

type Send = (name: OperationName, request: Requests[OperationName], options: KmsCallOptions) => Promise<unknown>;

/** Operations that are sent again, once, when their stream breaks: pure cryptography and reads. */
const repeatable = /^(encrypt|decrypt|reEncrypt|generate|describe|list|get|sign|verify|derive|encapsulate|decapsulate)/;

/** Makes a client; it connects at the first call. Throws ConfigError when the TLS folder cannot be used. */
export function createKmsClient(options: KmsClientOptions): KmsClient {
  const identity = tlsIdentity(options.tls);
  const { send, close } = options.coalesce === false ? unary(options, identity) : coalesced(options, identity);
  const closeAll = (): void => {
    close();
    identity.close();
  };
  const methods = operations.map((name) => [
    name,
    (request: Partial<Requests[typeof name]>, callOptions: KmsCallOptions = {}) =>
      send(name, complete(name, request), callOptions),
  ]);
  return { ...Object.fromEntries(methods), close: closeAll, [Symbol.dispose]: closeAll } as KmsClient;
}

type Identity = ReturnType<typeof tlsIdentity>;

function coalesced({ endpoint }: KmsClientOptions, tls: Identity): { send: Send; close: () => void } {
  type Operation = NonNullable<Call['operation']>;
  const client = pipelineClient<Operation, NonNullable<Result['outcome']>>({
    method: KmsServiceService.pipeline,
    address: endpoint,
    tls,
    expected: 'kms-service',
    idempotent: ({ $case }) => repeatable.test($case),
  });
  return {
    send: async (name, request, options) =>
      (await client.call({ $case: name, value: request } as Operation, options)).value,
    close: () => client.close(),
  };
}

function unary({ endpoint }: KmsClientOptions, tls: Identity): { send: Send; close: () => void } {
  const credentials: ChannelCredentials = channelCredentials(tls, 'kms-service');
  const client = new KmsServiceClient(endpoint, credentials, channelOptions);
  return {
    send: (name, request, options) =>
      invoke(client[name].bind(client) as unknown as UnaryMethod<typeof request, unknown>, request, options),
    close: () => client.close(),
  };
}
