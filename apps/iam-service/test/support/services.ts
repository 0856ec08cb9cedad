import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as audit from '@keystead/audit-service/main';
import * as hsm from '@keystead/hsm-service/main';
import * as kms from '@keystead/kms-service/main';
import { tlsIdentity, type Running, type TlsIdentity } from '@keystead/service';
import { testDatabase, type DatabaseService, type TestDatabase } from '@keystead/testing/database';
import { testPki, type TestPki } from '@keystead/testing/pki';
import * as auditConfig from '../../../audit-service/src/config.js';
import * as hsmConfig from '../../../hsm-service/src/config.js';
import * as kmsConfig from '../../../kms-service/src/config.js';
import { readConfig } from '../../src/config.js';
import { start } from '../../src/main.js';

/** iam-service with the services that it needs, in this process. */
export interface Services extends AsyncDisposable {
  readonly database: TestDatabase;
  readonly pki: TestPki;
  /** Where the key of the administrator is written when it is made. */
  readonly credentialsFile: string;
  readonly address: string;
  /** The certificate of a service. */
  identityOf(service: string): Promise<TlsIdentity>;
  /** Starts iam-service, or starts it again. */
  startIam(env?: Readonly<Record<string, string>>): Promise<Running>;
}

export async function services(): Promise<Services> {
  const pki = await testPki();
  const database = await testDatabase('kms-service', 'iam-service', 'audit-service');
  const folder = mkdtempSync(join(tmpdir(), 'keystead-iam-'));
  const ports = { hsm: await freePort(), kms: await freePort(), iam: await freePort(), audit: await freePort() };
  const at = (service: keyof typeof ports) => `127.0.0.1:${ports[service]}`;
  const running: Running[] = [];
  const identities: TlsIdentity[] = [];
  const environment = async (service: keyof typeof ports) => ({
    KEYSTEAD_TLS_DIR: await pki.dir(`${service}-service`),
    KEYSTEAD_LISTEN: at(service),
    KEYSTEAD_TEST_MODE: '1',
    KEYSTEAD_LOG_LEVEL: 'silent',
    KEYSTEAD_HSM_ADDRESS: at('hsm'),
    KEYSTEAD_KMS_ADDRESS: at('kms'),
    KEYSTEAD_IAM_ADDRESS: at('iam'),
    KEYSTEAD_AUDIT_ADDRESS: at('audit'),
    ...(service === 'hsm' ? rootOf(folder) : stored(database, `${service}-service`)),
  });
  running.push(await audit.start(auditConfig.readConfig(await environment('audit'))));
  running.push(await hsm.start(hsmConfig.readConfig(await environment('hsm'))));
  running.push(await kms.start(kmsConfig.readConfig(await environment('kms'))));
  return {
    database,
    pki,
    credentialsFile: join(folder, 'admin-credentials'),
    address: at('iam'),
    identityOf: async (service) => {
      const identity = tlsIdentity(await pki.dir(service));
      identities.push(identity);
      return identity;
    },
    startIam: async (env = {}) => {
      const iam = await start(readConfig({ ...(await environment('iam')), ...env }));
      running.push(iam);
      return iam;
    },
    [Symbol.asyncDispose]: async () => {
      for (const service of running.reverse()) await service.close();
      for (const identity of identities) identity.close();
      await database[Symbol.asyncDispose]();
      pki[Symbol.dispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function stored(database: TestDatabase, service: DatabaseService) {
  const { url, passwordFile } = database.of(service);
  return { KEYSTEAD_DATABASE_URL: url, KEYSTEAD_DATABASE_PASSWORD_FILE: passwordFile };
}

function rootOf(folder: string) {
  const keyFile = join(folder, 'key');
  writeFileSync(keyFile, randomBytes(32), { mode: 0o600 });
  return { KEYSTEAD_ROOT_DIR: join(folder, 'root'), KEYSTEAD_ROOT_KEY_FILE: keyFile };
}

/** Services are told where the others will be before those start. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((bound) => server.listen(0, '127.0.0.1', bound));
  const { port } = server.address() as { port: number };
  await new Promise((closed) => server.close(closed));
  return port;
}
