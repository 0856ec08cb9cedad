import { Client, Metadata } from '@grpc/grpc-js';
import { type Address, channelCredentials, channelOptions, type TlsIdentity } from '@keystead/service';

/** Asks the other services how they are (grpc.health.v1). */
export interface HealthChecks {
  states(): Promise<Record<string, string>>;
  close(): void;
}

const timeoutMs = 1_500;
/** The page needs no signature: however often a stranger asks, the services are asked this seldom. */
const freshMs = 250;
const same = (bytes: Buffer): Buffer => bytes;
const everything = Buffer.alloc(0);
/** HealthCheckResponse { status = SERVING }. */
const serving = Buffer.from([0x08, 1]);

/** `addresses`: the services by name. */
export function healthChecks(addresses: Readonly<Record<string, Address>>, tls: TlsIdentity): HealthChecks {
  const clients = Object.entries(addresses).map(
    ([name, address]) => [name, new Client(address, channelCredentials(tls, name), channelOptions)] as const,
  );
  const ask = async (): Promise<Record<string, string>> => {
    const states = clients.map(async ([name, client]) => [name, await check(client)] as const);
    return { edge: 'SERVING', ...Object.fromEntries(await Promise.all(states)) };
  };
  let last: { at: number; states: Promise<Record<string, string>> } | undefined;
  return {
    states: () => {
      const now = performance.now();
      if (last === undefined || now - last.at > freshMs) last = { at: now, states: ask() };
      return last.states;
    },
    close: () => {
      for (const [, client] of clients) client.close();
    },
  };
}

function check(client: Client): Promise<string> {
  return new Promise((resolve) => {
    const options = { deadline: Date.now() + timeoutMs };
    client.makeUnaryRequest(
      '/grpc.health.v1.Health/Check',
      same,
      same,
      everything,
      new Metadata(),
      options,
      (error, answer) => {
        if (error) resolve('UNREACHABLE');
        else resolve(answer?.equals(serving) ? 'SERVING' : 'NOT_SERVING');
      },
    );
  });
}
