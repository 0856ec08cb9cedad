import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { issueCertificate, type KeyPair } from '@keystead/pki';
import { certificateHours, issueServices, openAuthority, services, writeIdentity } from '../certificates.js';
import { takeDataFolder, usableDataFolder, type DataFolder } from '../data-folder.js';
import { Failure } from '../failure.js';
import { administrator, endpointOf, writeEnvFile } from './env-file.js';
import { untilHealthy } from './health.js';
import { untilUnsealed } from './unsealed.js';
import { checkOptions, type UpOptions } from './options.js';
import { writeRuntime } from '../runtime.js';
import { choosePorts, type Ports } from './ports.js';
import { Postgres } from './postgres.js';
import { ServiceProcess, type Say } from './service-process.js';
import { addressesOf, freePorts, serviceWaves } from './services.js';
import { summary } from './summary.js';

/** Stops what runs, in the reverse order of its start. */
type Stop = () => Promise<void>;

const leftoverPatienceMs = 12_000;

/** Starts everything and supervises it until `signal` is aborted; everything that was started has then stopped. */
export async function up(options: UpOptions, env: NodeJS.ProcessEnv, say: Say, signal: AbortSignal): Promise<void> {
  checkOptions(options, env);
  const begun = Date.now();
  const { folder, leftover } = usableDataFolder(options.data);
  // Before anything is made: a start that fails here leaves nothing.
  const ports = await choosePorts(options.port, options.host, freePorts, leftover ? leftoverPatienceMs : 0);
  const release = takeDataFolder(folder);
  const stops: Stop[] = [];
  try {
    await startAll(options, env, folder, ports, begun, say, signal, stops);
    if (!signal.aborted) await aborted(signal);
    say('stopping');
  } finally {
    for (const stop of stops.reverse()) await stop();
    release();
  }
  say('stopped');
}

async function startAll(
  options: UpOptions,
  env: NodeJS.ProcessEnv,
  folder: DataFolder,
  ports: Ports,
  begun: number,
  say: Say,
  signal: AbortSignal,
  stops: Stop[],
): Promise<void> {
  const authority = await openAuthority(folder.authority, new Date());
  await issueAll(authority, folder, options);
  stops.push(renewing(authority, folder, options));
  if (options.passphraseFile === undefined && !options.manualUnseal && !options.device) {
    say(`the root opens by the key file ${folder.rootKeyFile}: for more than development use --passphrase-file`);
  }
  const postgres = await startPostgres(folder, ports, say, stops);
  const waves = serviceWaves({ options, folder, ports, postgresPort: postgres, env });
  writeRuntime(folder, { trustDomain: options.trustDomain, addresses: addressesOf(waves) });
  for (const wave of waves) {
    if (signal.aborted) return;
    await startWave(
      wave.map((spec) => new ServiceProcess(spec, say)),
      say,
      stops,
    );
    if (wave.some(({ name }) => name === 'hsm-service')) await untilUnsealed(folder, say, signal);
  }
  await untilHealthy(endpointOf(options), authority.certificate, signal);
  if (signal.aborted) return;
  const credentials = administrator(folder, env);
  writeEnvFile(folder, options, credentials);
  say(`ready after ${seconds(begun)}`);
  say(summary(folder, options, ports, credentials));
}

async function startPostgres(folder: DataFolder, ports: Ports, say: Say, stops: Stop[]): Promise<number> {
  const port = ports.free.at(-1);
  if (port === undefined) throw new Failure('There is no free port for PostgreSQL.');
  const begun = Date.now();
  const postgres = new Postgres(folder, port, say);
  stops.push(() => postgres.stop());
  await postgres.start();
  say(`PostgreSQL (${seconds(begun)})`);
  return port;
}

async function startWave(wave: readonly ServiceProcess[], say: Say, stops: Stop[]): Promise<void> {
  stops.push(async () => {
    await Promise.all(wave.map((service) => service.stop()));
  });
  const begun = Date.now();
  const results = await Promise.allSettled(wave.map((service) => service.start()));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  say(`${wave.map(({ name }) => name).join(', ')} (${seconds(begun)})`);
}

async function issueAll(authority: KeyPair, folder: DataFolder, options: UpOptions): Promise<void> {
  const now = new Date();
  const names = {
    dnsNames: [hostname()],
    addresses: options.host.startsWith('0.') || options.host === '::' ? [] : [options.host],
  };
  await issueServices(
    authority,
    options.trustDomain,
    new Map(services.map((name) => [name, folder.tls(name)])),
    now,
    names,
  );
  if (!options.tls) return;
  const endpoint = await issueCertificate(authority, {
    dnsNames: ['localhost', '*.localhost', 's3.localhost', '*.s3.localhost', hostname()],
    addresses: [
      '127.0.0.1',
      '::1',
      ...names.addresses.filter((address) => address !== '127.0.0.1' && address !== '::1'),
    ],
    from: now,
    // Clients that trust the CA accept at most 825 days; edge reads it at its start.
    hours: 90 * 24,
  });
  writeIdentity(folder.tls('endpoint'), authority, endpoint);
}

/** New certificates at half their life; the services see the files change. */
function renewing(authority: KeyPair, folder: DataFolder, options: UpOptions): Stop {
  const timer = setInterval(() => void issueAll(authority, folder, options), (certificateHours / 2) * 3_600_000);
  return () => {
    clearInterval(timer);
    return Promise.resolve();
  };
}

async function aborted(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) await sleep(1 << 30, undefined, { signal }).catch(() => undefined);
}

const seconds = (since: number): string => `${((Date.now() - since) / 1000).toFixed(1)} s`;
