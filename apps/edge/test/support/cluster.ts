import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as audit from '@keystead/audit-service/main';
import * as hsm from '@keystead/hsm-service/main';
import * as iam from '@keystead/iam-service/main';
import * as kms from '@keystead/kms-service/main';
import type { Running } from '@keystead/service';
import { type DatabaseService, testDatabase } from '@keystead/testing/database';
import { testPki } from '@keystead/testing/pki';
import * as auditConfig from '../../../audit-service/src/config.js';
import * as hsmConfig from '../../../hsm-service/src/config.js';
import * as iamConfig from '../../../iam-service/src/config.js';
import * as kmsConfig from '../../../kms-service/src/config.js';
import { readConfig } from '../../src/config.js';
import { start } from '../../src/main.js';
import { gatewayStandIn, type GatewayStandIn } from './gateway.js';

export const administrator = {
  accessKeyId: 'AKIAKEYSTEADTEST0001',
  secretAccessKey: 'test+secret/of+forty+characters+exactly1',
};

export interface Cluster extends AsyncDisposable {
  readonly endpoint: string;
  readonly gateway: GatewayStandIn;
}

/** All services but the gateway in this process, with edge in front and the first administrator above. */
export async function cluster(env: Readonly<Record<string, string>> = {}): Promise<Cluster> {
  const pki = await testPki();
  const database = await testDatabase('kms-service', 'iam-service', 'audit-service');
  const folder = mkdtempSync(join(tmpdir(), 'keystead-edge-'));
  const gateway = await gatewayStandIn(await pki.dir('object-store-gateway'));
  const ports = { hsm: await freePort(), kms: await freePort(), iam: await freePort(), audit: await freePort() };
  const common = async (service: string) => ({
    KEYSTEAD_TLS_DIR: await pki.dir(service),
    KEYSTEAD_TEST_MODE: '1',
    KEYSTEAD_LOG_LEVEL: process.env['TEST_LOG_LEVEL'] ?? 'silent',
    KEYSTEAD_HSM_ADDRESS: `127.0.0.1:${ports.hsm}`,
    KEYSTEAD_KMS_ADDRESS: `127.0.0.1:${ports.kms}`,
    KEYSTEAD_IAM_ADDRESS: `127.0.0.1:${ports.iam}`,
    KEYSTEAD_AUDIT_ADDRESS: `127.0.0.1:${ports.audit}`,
  });
  const stored = (service: DatabaseService) => ({
    KEYSTEAD_DATABASE_URL: database.of(service).url,
    KEYSTEAD_DATABASE_PASSWORD_FILE: database.of(service).passwordFile,
  });
  const listen = (port: number) => ({ KEYSTEAD_LISTEN: `127.0.0.1:${port}` });
  const keyFile = join(folder, 'key');
  writeFileSync(keyFile, randomBytes(32), { mode: 0o600 });
  const running: Running[] = [];
  running.push(
    await audit.start(
      auditConfig.readConfig({
        ...(await common('audit-service')),
        ...stored('audit-service'),
        ...listen(ports.audit),
      }),
    ),
  );
  running.push(
    await hsm.start(
      hsmConfig.readConfig({
        ...(await common('hsm-service')),
        ...listen(ports.hsm),
        KEYSTEAD_ROOT_DIR: join(folder, 'root'),
        KEYSTEAD_ROOT_KEY_FILE: keyFile,
      }),
    ),
  );
  running.push(
    await kms.start(
      kmsConfig.readConfig({ ...(await common('kms-service')), ...stored('kms-service'), ...listen(ports.kms) }),
    ),
  );
  running.push(
    await iam.start(
      iamConfig.readConfig({
        ...(await common('iam-service')),
        ...stored('iam-service'),
        ...listen(ports.iam),
        KEYSTEAD_ADMIN_ACCESS_KEY_ID: administrator.accessKeyId,
        KEYSTEAD_ADMIN_SECRET_ACCESS_KEY: administrator.secretAccessKey,
      }),
    ),
  );
  const edge = await start(
    readConfig({
      ...(await common('edge')),
      KEYSTEAD_EDGE_LISTEN: '127.0.0.1:0',
      KEYSTEAD_GATEWAY_ADDRESS: gateway.address,
      KEYSTEAD_GATEWAY_S3_ADDRESS: gateway.address,
      ...env,
    }),
  );
  running.push(edge);
  return {
    endpoint: `http://${edge.address}`,
    gateway,
    [Symbol.asyncDispose]: async () => {
      for (const service of running.reverse()) await service.close();
      await gateway.close();
      await database[Symbol.asyncDispose]();
      pki[Symbol.dispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** audit-service is told where iam-service will be before that one starts. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((bound) => server.listen(0, '127.0.0.1', bound));
  const { port } = server.address() as { port: number };
  await new Promise((closed) => server.close(closed));
  return port;
}
