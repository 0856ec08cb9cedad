import { readFileSync } from 'node:fs';
import type { IncomingMessage, RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** What arrived at the gateway's internal listener. */
export interface Arrived {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

export interface GatewayStandIn {
  readonly address: string;
  readonly arrived: Arrived[];
  /** Answers the next requests instead of 200 with the body's length. */
  respond: RequestListener | undefined;
  /** Called for `Expect: 100-continue`; without it the client is told to go on. */
  checkContinue: RequestListener | undefined;
  close(): Promise<void>;
}

/** The other end of the internal S3 hop, with the gateway's certificate: it shows what edge hands on. */
export async function gatewayStandIn(tlsDir: string): Promise<GatewayStandIn> {
  const pem = (file: string): Buffer => readFileSync(join(tlsDir, file));
  const tls = { ca: pem('ca.crt'), cert: pem('tls.crt'), key: pem('tls.key'), requestCert: true };
  const listener: RequestListener = (request, response) => {
    if (standIn.respond) return standIn.respond(request, response);
    void readAll(request).then((body) => {
      const { method, url, rawHeaders } = request;
      standIn.arrived.push({ method, url, rawHeaders, body });
      response.writeHead(200, { 'x-amz-request-id': 'from-gateway', etag: '"e"' }).end(`got ${body.length}`);
    });
  };
  const server = createServer({ ...tls, keepAliveTimeout: 500 }, listener);
  server.on('checkContinue', (request, response) => {
    if (standIn.checkContinue) return standIn.checkContinue(request, response);
    response.writeContinue();
    listener(request, response);
  });
  await new Promise<void>((bound) => server.listen(0, '127.0.0.1', bound));
  const standIn: GatewayStandIn = {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    arrived: [],
    respond: undefined,
    checkContinue: undefined,
    close: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
  return standIn;
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
