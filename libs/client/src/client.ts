import { KeysteadError } from '@keystead/errors';
import { KmsServiceClient, KmsServiceService, type Call, type Result } from '@keystead/proto/kms';
import {
  channelCredentials,
  channelOptions,
  invoke,
  pipelineClient,
  tlsIdentity,
  trustIn,
  type StreamCredentials,
  type Trust,
  type UnaryMethod,
} from '@keystead/service';
import { HeldCredentials, type AwsCredentials, type AwsCredentialsProvider } from './credentials.js';
import { complete, operations, type OperationName, type Requests, type Responses } from './operations.js';
import { signedCalls } from './signing.js';

/** How to reach kms-service: with a certificate, or with AWS credentials. */
export type KmsClientOptions = CertificateOptions | CredentialsOptions;

interface CommonOptions {
  /** host:port; a name behind which several replicas stand is looked up again and again. */
  readonly endpoint: string;
  /**
   * True (the default) sends concurrent calls together on one long-lived stream, which costs a fraction
   * of the CPU of one RPC each. False makes unary RPCs.
   */
  readonly coalesce?: boolean;
}

/** A client that is known by its certificate. */
export interface CertificateOptions extends CommonOptions {
  /**
   * Folder with ca.crt, tls.crt and tls.key as `keystead client-cert` writes it: the certificate says as which
   * principal the client acts. Renewed files are used without a restart.
   */
  readonly tls: string;
  readonly credentials?: undefined;
}

/** A client that signs, at the endpoint for that (KEYSTEAD_KMS_CREDENTIALS_LISTEN; of `keystead up` the fourth port). */
export interface CredentialsOptions extends CommonOptions {
  readonly tls: {
    /** The authority of the installation, PEM: what is in ca.crt. */
    readonly ca: string | Buffer;
    /** As configured with KEYSTEAD_TRUST_DOMAIN; default "keystead.local". */
    readonly trustDomain?: string;
  };
  /**
   * An access key, or temporary credentials of STS, or a provider of them as the AWS SDK has it. A provider is asked
   * again five minutes before what it gave expires (every five minutes when that never does); every call after that
   * is made with what it gives.
   */
  readonly credentials: AwsCredentials | AwsCredentialsProvider;
  /** The Region of the installation; default us-east-1. */
  readonly region?: string;
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
    /** Ends the connection. Calls after it fail with Unavailable, and so do those in flight, but for unary ones, which end. */
    close(): void;
  };

type Send = (name: OperationName, request: Requests[OperationName], options: KmsCallOptions) => Promise<unknown>;

/** Operations that are sent again, once, when their stream breaks: pure cryptography and reads. */
const repeatable = /^(encrypt|decrypt|reEncrypt|generate|describe|list|get|sign|verify|derive|encapsulate|decapsulate)/;

/**
 * Makes a client; it connects at the first call. Throws ConfigError when the TLS folder or authority cannot be used.
 * With credentials calls fail with UnrecognizedClient, ExpiredToken and InvalidSignature where those are not good.
 */
export function createKmsClient(options: KmsClientOptions): KmsClient {
  const identity = identityOf(options);
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

/** Whom the client trusts, and how it says who it is when its certificate does not. */
interface Identity {
  readonly tls: Trust;
  readonly credentials: StreamCredentials | undefined;
  close(): void;
}

function identityOf(options: KmsClientOptions): Identity {
  if (options.credentials === undefined) {
    const tls = tlsIdentity(options.tls);
    return { tls, credentials: undefined, close: () => tls.close() };
  }
  const { tls, region = 'us-east-1' } = options;
  const held = new HeldCredentials(options.credentials);
  const credentials: StreamCredentials = {
    at: (host) => signedCalls(held, region, host),
    onChange: (listener) => held.onChange(listener),
  };
  return { tls: trustIn(tls.ca, tls.trustDomain ?? 'keystead.local'), credentials, close: () => held.close() };
}

function coalesced({ endpoint }: KmsClientOptions, { tls, credentials }: Identity): { send: Send; close: () => void } {
  type Operation = NonNullable<Call['operation']>;
  const client = pipelineClient<Operation, NonNullable<Result['outcome']>>({
    method: KmsServiceService.pipeline,
    address: endpoint,
    tls,
    credentials,
    expected: 'kms-service',
    idempotent: ({ $case }) => repeatable.test($case),
  });
  return {
    send: async (name, request, options) =>
      (await client.call({ $case: name, value: request } as Operation, options)).value,
    close: () => client.close(),
  };
}

function unary({ endpoint }: KmsClientOptions, identity: Identity): { send: Send; close: () => void } {
  const client = new KmsServiceClient(endpoint, channelCredentials(identity.tls, 'kms-service'), channelOptions);
  const credentials = identity.credentials?.at(endpoint);
  let closed = false;
  return {
    send: (name, request, options) => {
      if (closed) return Promise.reject(new KeysteadError('Unavailable', 'The client is closed.'));
      const method = client[name].bind(client) as unknown as UnaryMethod<typeof request, unknown>;
      return invoke(method, request, { ...options, credentials });
    },
    close: () => {
      closed = true;
      client.close();
    },
  };
}
