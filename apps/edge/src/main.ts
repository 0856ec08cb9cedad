import { Server as TlsServer } from 'node:https';
import {
  isMain,
  listening,
  type Logger,
  logger,
  metricsRegistry,
  opsServer,
  type Running,
  runService,
  tlsIdentity,
} from '@keystead/service';
import { journal } from './auth/journal.js';
import { refusals } from '@keystead/service/signing';
import { sender } from './aws/send.js';
import { healthChecks } from './clients/health.js';
import { resetter } from './clients/reset.js';
import { openServices } from './clients/services.js';
import { type Config, readConfig } from './config.js';
import { handler } from './http/handler.js';
import {
  type EndpointCertificate,
  readEndpointCertificate,
  watchEndpointCertificate,
} from './http/endpoint-certificate.js';
import { edgeServer } from './http/server.js';
import { s3Forwarder } from './s3/forward.js';

/** Starts edge; `address` is where AWS's clients connect. */
export async function start(config: Config): Promise<Running> {
  const log = logger('edge', config.logLevel);
  const metrics = metricsRegistry('edge');
  const tls = tlsIdentity(config.tlsDir);
  const services = openServices(config, tls);
  const { kms, iam, audit, signingKeys } = services;
  const noted = refusals(log);
  const s3 = s3Forwarder({ address: config.gatewayS3Address, tls, log });
  const { kmsAddress, iamAddress, auditAddress, gatewayAddress, hsmAddress } = config;
  const others = {
    'kms-service': kmsAddress,
    'iam-service': iamAddress,
    'object-store-gateway': gatewayAddress,
    'audit-service': auditAddress,
  };
  const health = healthChecks({ ...(hsmAddress && { 'hsm-service': hsmAddress }), ...others }, tls);
  const forget = resetter(config.testMode ? others : {}, tls);
  const serve = handler({
    region: config.region,
    signingKeys,
    journal: journal(audit, config.region, log),
    refusals: noted,
    log,
    metrics,
    send: { kms: sender(kms), cloudtrail: sender(audit), iam: sender(iam), sts: sender(iam) },
    s3,
    pages: { health: () => health.states(), reset: config.testMode ? () => forget.reset() : undefined },
  });
  const certificate = config.tls && readEndpointCertificate(config.tls);
  const server = edgeServer(certificate, serve);
  const renewal = watchCertificate(config, certificate, server, log);
  const ops = await opsServer(config.opsListen, async () => services.ready(), metrics);
  const address = await listening(server, config.listen);
  const close = async (): Promise<void> => {
    await closed(server);
    await ops.close();
    for (const part of [renewal, s3, health, forget, services, noted, tls]) part.close();
  };
  return { address, opsAddress: ops.address, close };
}

function watchCertificate(
  { tls }: Config,
  first: EndpointCertificate | undefined,
  server: ReturnType<typeof edgeServer>,
  log: Logger,
): { close(): void } {
  if (!tls || !first || !(server instanceof TlsServer)) return { close: () => undefined };
  return watchEndpointCertificate(tls, first, (pair) => server.setSecureContext(pair), log);
}

/** Longest wait for answers under way, in milliseconds. */
const drainMs = 5_000;

async function closed(server: ReturnType<typeof edgeServer>): Promise<void> {
  const timer = setTimeout(() => server.closeAllConnections(), drainMs);
  await new Promise((done) => {
    server.close(done);
    server.closeIdleConnections();
  });
  clearTimeout(timer);
}

export { readConfig };

if (isMain(import.meta.url)) await runService('edge', readConfig, start);
