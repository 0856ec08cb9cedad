import { createAuthority, issueCertificate, type KeyPair } from '@keystead/pki';
import {
  HsmAdminServiceClient,
  HsmCeremonyServiceClient,
  HsmServiceClient,
  HsmServiceService,
  PartitionServiceClient,
} from '@keystead/proto/hsm';
import {
  channelCredentials,
  pipelineClient,
  tlsIdentity,
  type Environment,
  type PipelineClient,
  type Running,
} from '@keystead/service';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../../src/config.js';
import type { Operation, Outcome } from '../../src/grpc/operations.js';
import { start } from '../../src/main.js';

/** What a client with one certificate can use. */
export interface Client extends Disposable {
  readonly crypto: HsmServiceClient;
  readonly admin: HsmAdminServiceClient;
  readonly ceremonies: HsmCeremonyServiceClient;
  readonly partitions: PartitionServiceClient;
  readonly stream: PipelineClient<Operation, Outcome>;
}

/** A running hsm-service with a certificate authority of its own. */
export interface Cluster extends AsyncDisposable {
  readonly running: Running;
  readonly folder: string;
  /** A folder with a certificate of this name, valid for an hour. */
  certificate(spiffe: string, authority?: KeyPair, from?: Date): Promise<string>;
  client(spiffe: string): Promise<Client>;
  /** Stops it and starts it again, on another port, with more in its environment. */
  restart(env?: Environment): Promise<void>;
}

export const service = (name: string): string => `spiffe://keystead.local/svc/${name}`;

/** Starts hsm-service on a fresh root with a key file, or without a root. */
export async function cluster(root: 'key file' | 'none' = 'key file', env: Environment = {}): Promise<Cluster> {
  const folder = await mkdtemp(join(tmpdir(), 'keystead-hsm-'));
  const from = new Date();
  const ours = await createAuthority('test', from);
  let count = 0;
  const certificate = async (uri: string, authority = ours, valid = from): Promise<string> => {
    const dir = join(folder, `tls-${count++}`);
    await mkdir(dir);
    const pair = await issueCertificate(authority, { uri, from: valid, hours: 1 });
    await writeFile(join(dir, 'ca.crt'), ours.certificate);
    await writeFile(join(dir, 'tls.crt'), pair.certificate);
    await writeFile(join(dir, 'tls.key'), pair.key);
    return dir;
  };
  const settings = {
    KEYSTEAD_TLS_DIR: await certificate(service('hsm-service')),
    KEYSTEAD_ROOT_DIR: join(folder, 'root'),
    ...(root === 'none' ? {} : { KEYSTEAD_ROOT_KEY_FILE: join(folder, 'root.key') }),
    // There is no kms-service that would ask.
    ...{ KEYSTEAD_LOG_LEVEL: 'silent', KEYSTEAD_ROOT_WITNESS: 'none', ...env },
  };
  let running = await start(readConfig(settings));
  const close = async (): Promise<void> => {
    await running.close();
    await rm(folder, { recursive: true });
  };
  return {
    get running() {
      return running;
    },
    restart: async (more = {}) => {
      await running.close();
      running = await start(readConfig({ ...settings, ...more }));
    },
    client: async (spiffe) => connect(running.address, await certificate(spiffe)),
    ...{ folder, certificate, [Symbol.asyncDispose]: close },
  };
}

function connect(address: string, tlsDir: string): Client {
  const tls = tlsIdentity(tlsDir);
  const credentials = channelCredentials(tls, service('hsm-service'));
  const [crypto, admin] = [new HsmServiceClient(address, credentials), new HsmAdminServiceClient(address, credentials)];
  const ceremonies = new HsmCeremonyServiceClient(address, credentials);
  const partitions = new PartitionServiceClient(address, credentials);
  const stream = pipelineClient<Operation, Outcome>({
    ...{ method: HsmServiceService.pipeline, address, tls, expected: 'hsm-service' },
  });
  const close = (): void => {
    stream.close();
    crypto.close();
    admin.close();
    ceremonies.close();
    partitions.close();
    tls.close();
  };
  return { crypto, admin, ceremonies, partitions, stream, [Symbol.dispose]: close };
}
