import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { HsmServiceService, type Call, type PipelineRequest, type Result } from '@keystead/proto/hsm';
import { testPki, type TestPki } from '@keystead/testing/pki';
import {
  logger,
  pipeline,
  pipelineClient,
  serve,
  tlsIdentity,
  type GrpcServer,
  type PipelineClient,
  type PipelineClientOptions,
  type PipelineOptions,
  type ServiceBinding,
  type TlsIdentity,
} from '../src/index.js';

export type Operation = NonNullable<Call['operation']>;
export type Outcome = NonNullable<Result['outcome']>;
export type { PipelineRequest };

export const method = HsmServiceService.pipeline;
export const log = logger('test', 'silent');

/** A certificate authority and the identities of a test; everything made through it is closed with it. */
export class Bench {
  readonly pki: TestPki;
  readonly #closers: (() => unknown)[] = [];

  constructor(pki: TestPki) {
    this.pki = pki;
  }

  static async open(): Promise<Bench> {
    return new Bench(await testPki());
  }

  async identity(service: string, pollMs = 2_000): Promise<TlsIdentity> {
    return this.own(tlsIdentity(await this.pki.dir(service), { pollMs }));
  }

  own<T extends { close(): unknown }>(closable: T): T {
    this.#closers.unshift(() => closable.close());
    return closable;
  }

  async serve(
    services: ServiceBinding[],
    { name = 'hsm-service', listen = '127.0.0.1:0', pollMs = 2_000 } = {},
  ): Promise<GrpcServer> {
    const tls = await this.identity(name, pollMs);
    return this.own(await serve({ name, listen, opsListen: '127.0.0.1:0', tls, services, log, graceMs: 1_000 }));
  }

  /** A server of hsm.v1's Pipeline that answers with `handle`. */
  pipeline(
    options: Omit<PipelineOptions<Operation, Outcome>, 'method'>,
    at: { listen?: string; pollMs?: number } = {},
  ): Promise<GrpcServer> {
    return this.serve([pipelineOnly(pipeline({ method, ...options }))], at);
  }

  async client(
    address: string,
    options: Partial<PipelineClientOptions<Operation, Outcome>> = {},
    { as = 'kms-service', pollMs = 2_000 } = {},
  ): Promise<PipelineClient<Operation, Outcome>> {
    const tls = options.tls ?? (await this.identity(as, pollMs));
    return this.own(pipelineClient({ method, address, tls, expected: 'hsm-service', ...options }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closers) await close();
    this.pki[Symbol.dispose]();
  }
}

export function pipelineOnly(handler: ServiceBinding['implementation'][string]): ServiceBinding {
  return { definition: { pipeline: HsmServiceService.pipeline }, implementation: { pipeline: handler } };
}

/** Echoes the number of bytes asked for as that many bytes. */
export async function random(operation: Operation): Promise<Exclude<Outcome, { $case: 'error' }>> {
  if (operation.$case !== 'generateRandom') throw new Error('not asked for');
  return { $case: 'generateRandom', value: { plaintext: new Uint8Array(operation.value.numberOfBytes) } };
}

export const later = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** Resolves when `check` holds; fails after `ms`. */
export async function until(check: () => boolean, ms = 5_000): Promise<void> {
  const end = Date.now() + ms;
  while (!check()) {
    if (Date.now() > end) throw new Error('it did not happen in time');
    await later(10);
  }
}

/** The code of the KeysteadError that `promise` rejects with. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = (await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )) as { code?: string } | undefined;
  return error?.code ?? 'no error';
}

/** A way to a server that can be cut, as kill -9 and lost networks do. */
export interface Proxy {
  readonly address: string;
  /** Resets every connection; new ones are let through. */
  cut(): void;
  /** Refuses new connections and resets the open ones, until `up`. */
  down(): Promise<void>;
  up(): Promise<void>;
  close(): void;
}

export async function proxyTo(target: string): Promise<Proxy> {
  const [host = '', port = ''] = target.split(':');
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(port), host);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    }
    client.pipe(upstream).pipe(client);
  });
  const listen = (at: number): Promise<void> => new Promise((bound) => server.listen(at, '127.0.0.1', bound));
  await listen(0);
  const { port: own } = server.address() as AddressInfo;
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const down = (): Promise<void> =>
    new Promise((closed) => {
      server.close(() => closed());
      cut();
    });
  return { address: `127.0.0.1:${own}`, cut, down, up: () => listen(own), close: () => void down() };
}
