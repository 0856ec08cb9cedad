import {
  Server,
  type ServerCredentials,
  type MethodDefinition,
  type ServiceDefinition,
  type UntypedHandleCall,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { asKeysteadError } from '@keystead/errors';
import type { Address } from '../config.js';
import { grpcError } from '../errors.js';
import { openServerCredentials, serverCredentials } from '../identity/credentials.js';
import type { TlsIdentity } from '../identity/tls.js';
import type { Logger } from '../logger.js';
import { metricsRegistry, type Metrics } from '../metrics.js';
import { admit, type IncomingCall, type ServerState } from './callState.js';
import { healthDefinition, healthService } from './health.js';
import { opsServer } from './ops.js';
import { signedCalls } from './signed.js';
import type { Authenticate } from './signer.js';
import { listenForStrangers } from './strangers.js';

export interface ServiceBinding {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

export interface ServeOptions {
  readonly name: string;
  readonly listen: Address;
  readonly opsListen: Address;
  readonly tls: TlsIdentity;
  readonly services: readonly ServiceBinding[];
  /** Throws or rejects while the service cannot do its work; asked by /readyz and the health service. */
  readonly ready?: () => Promise<void> | void;
  readonly log: Logger;
  /** A registry to add to, from `metricsRegistry`; made when absent. */
  readonly metrics?: Metrics;
  /** A second listener, for callers who prove themselves by a signature instead of a certificate. */
  readonly signed?: SignedListener | undefined;
  /** Largest message that is read, in bytes; default 4 MiB, for hsm-service 128 KiB. */
  readonly maxReceiveBytes?: number;
  /** How long `close` lets calls in flight end, in ms; default 5,000. */
  readonly graceMs?: number;
}

/** TLS without client certificates; every call and stream is authenticated by itself. */
export interface SignedListener {
  readonly listen: Address;
  /** All that is offered there; not even the health service is. */
  readonly services: readonly ServiceBinding[];
  readonly authenticate: Authenticate;
  /** Open connections; more are closed at once. Default 2,000. */
  readonly mostConnections?: number;
}

export interface GrpcServer {
  /** host:port of gRPC as bound. */
  readonly address: Address;
  /** host:port of the second listener as bound. */
  readonly signedAddress: Address | undefined;
  readonly opsAddress: Address;
  readonly metrics: Metrics;
  /** Not ready any more, streams drained, calls in flight ended (at most graceMs), everything closed. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Calls at a time on one connection of somebody who is not known yet. */
const maxStreamsOfStrangers = 1_000;
/** One for each process that calls is enough, and each costs some 110 KiB. */
const connectionsOfStrangers = 2_000;
/** A connection without a call costs a stranger nothing and us memory. */
const idleOfStrangersMs = 5 * 60_000;

/** Starts a gRPC server over mTLS with the standard health service, and a plain HTTP server for probes and metrics. */
export async function serve(options: ServeOptions): Promise<GrpcServer> {
  const metrics = options.metrics ?? metricsRegistry(options.name);
  const closing = new AbortController();
  const { name, log, tls } = options;
  const state: ServerState = { name, log, metrics, trustDomain: tls.trustDomain, closing: closing.signal };
  const isReady = readiness(options, closing.signal);
  const server = new Server(serverOptions(options));
  const health = { definition: healthDefinition, implementation: healthService(isReady, closing.signal) };
  for (const binding of [...options.services, health]) add(server, binding, state);
  const ops = await opsServer(options.opsListen, isReady, metrics);
  const servers = [server];
  const listeners: { close(): void }[] = [];
  const end = async (graceMs: number): Promise<void> => {
    for (const listener of listeners) listener.close();
    await Promise.all(servers.map((one) => shutdown(one, graceMs)));
    await ops.close();
  };
  const opened = await (async () => {
    const address = await bind(server, options.listen, serverCredentials(tls));
    if (!options.signed) return { address, signedAddress: undefined };
    const second = signedServer(options, options.signed, state);
    servers.push(second);
    const { listen, mostConnections = connectionsOfStrangers } = options.signed;
    const strangers = await listenForStrangers(second, listen, openServerCredentials(tls), mostConnections);
    listeners.push(strangers);
    return { address, signedAddress: strangers.address };
  })().catch(async (error: unknown) => {
    await end(0);
    throw error;
  });
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> =>
    (closed ??= (async () => {
      closing.abort();
      await end(options.graceMs ?? 5_000);
    })());
  return { ...opened, opsAddress: ops.address, metrics, close, [Symbol.asyncDispose]: close };
}

function signedServer(options: ServeOptions, { services, authenticate }: SignedListener, state: ServerState): Server {
  const server = new Server({
    ...serverOptions(options),
    'grpc.max_concurrent_streams': maxStreamsOfStrangers,
    'grpc.max_connection_idle_ms': idleOfStrangersMs,
    interceptors: [signedCalls(authenticate)],
  });
  for (const binding of services) add(server, binding, state);
  return server;
}

function serverOptions({ maxReceiveBytes = 4 << 20 }: ServeOptions) {
  return {
    'grpc.max_receive_message_length': maxReceiveBytes,
    'grpc.max_send_message_length': -1,
    'grpc.enable_channelz': 0,
    // Clients of ours move after an hour by themselves; this makes others look at names and certificates again.
    'grpc.max_connection_age_ms': 90 * 60_000,
    'grpc.max_connection_age_grace_ms': 10 * 60_000,
    'grpc.keepalive_time_ms': 20_000,
    'grpc.keepalive_timeout_ms': 5_000,
  };
}

function readiness({ ready, log }: ServeOptions, closing: AbortSignal): () => Promise<boolean> {
  return async () => {
    if (closing.aborted) return false;
    try {
      await ready?.();
      return true;
    } catch (error) {
      log.warn({ err: error }, 'not ready');
      return false;
    }
  };
}

function add(server: Server, { definition, implementation }: ServiceBinding, state: ServerState): void {
  const methods = Object.entries(definition).map(([name, method]) => [name, passBuffers(method)] as const);
  const handlers = Object.entries(implementation).map(([name, handler]) => [name, guarded(handler, state)] as const);
  server.addService(Object.fromEntries(methods), Object.fromEntries(handlers));
}

/** Pipelines hand over frames that are bytes already. */
function passBuffers(method: MethodDefinition<unknown, unknown>): MethodDefinition<unknown, unknown> {
  const { responseSerialize } = method;
  return { ...method, responseSerialize: (value) => (Buffer.isBuffer(value) ? value : responseSerialize(value)) };
}

type AnyCall = IncomingCall & { emit?(event: 'error', error: Error): void };

/** Refuses a call whose certificate names nobody of our trust domain, before any handler sees it. */
function guarded(handler: UntypedHandleCall, state: ServerState): UntypedHandleCall {
  const run = handler as (call: AnyCall, answer?: (error: Error) => void) => void;
  return (call: AnyCall, answer?: (error: Error) => void) => {
    try {
      admit(call, state);
      run(call, answer);
    } catch (thrown) {
      const error = grpcError(asKeysteadError(thrown));
      if (answer) answer(error);
      else call.emit?.('error', error);
    }
  };
}

function bind(server: Server, listen: Address, credentials: ServerCredentials): Promise<Address> {
  return new Promise((bound, failed) => {
    server.bindAsync(listen, credentials, (error, port) => {
      if (error) failed(new Error(`Cannot listen on ${listen}: ${error.message}`));
      else bound(listen.replace(/:\d+$/, `:${port}`));
    });
  });
}

async function shutdown(server: Server, graceMs: number): Promise<void> {
  await new Promise<void>((ended) => {
    const timer = setTimeout(() => {
      server.forceShutdown();
      ended();
    }, graceMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      ended();
    });
  });
}
