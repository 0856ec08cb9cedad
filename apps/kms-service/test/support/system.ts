import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig as auditConfig, start as startAudit } from '@keystead/audit-service/main';
import { readConfig as hsmConfig, start as startHsm } from '@keystead/hsm-service/main';
import { readConfig as iamConfig, start as startIam } from '@keystead/iam-service/main';
import { PrincipalType, type CallContext, type Principal } from '@keystead/proto/common';
import { IamServiceService } from '@keystead/proto/iam';
import type { Call as IamCall, Result as IamResult } from '@keystead/proto/iam-query';
import { KmsServiceService, type Call, type Result } from '@keystead/proto/kms';
import { pipelineClient, requestId, tlsIdentity, type PipelineClient, type Running } from '@keystead/service';
import { testDatabase, type TestDatabase } from '@keystead/testing/database';
import { freePort } from '@keystead/testing/free-port';
import { testPki, type TestPki } from '@keystead/testing/pki';
import { readConfig, type Config } from '../../src/config.js';
import { start } from '../../src/main.js';

type Operation = NonNullable<Call['operation']>;
type Outcome = NonNullable<Result['outcome']>;
type IamOperation = NonNullable<IamCall['operation']>;
type IamOutcome = NonNullable<IamResult['outcome']>;
type Answer<Case extends string> = Extract<Outcome, { $case: Case }>['value'];
type HsmConfig = ReturnType<typeof hsmConfig>;
type Asked<Case extends string> = Partial<Extract<Operation, { $case: Case }>['value']>;

export const account = '000000000000';

/** PostgreSQL, hsm-service, audit-service, kms-service and iam-service, all real, in this process. */
export interface System extends AsyncDisposable {
  readonly database: TestDatabase;
  readonly pki: TestPki;
  readonly kmsAddress: string;
  /** Calls kms-service as edge does, in the name of a principal; fields left out are absent. */
  kms<Case extends Operation['$case']>(
    $case: Case,
    request?: Asked<Case>,
    as?: Partial<CallContext>,
  ): Promise<Answer<Case>>;
  /** The same over the stream of another service. */
  through(service: string): PipelineClient<Operation, Outcome>;
  iam: PipelineClient<IamOperation, IamOutcome>;
  /** Makes a user with a policy of its own and answers its context. */
  user(name: string, policy?: object): Promise<CallContext>;
  /** Records of an event, oldest first. */
  records(eventName: string): Promise<Record<string, unknown>[]>;
  /** Replaces kms-service by a new process. */
  anotherKms(): Promise<Running>;
  /** Sets the clock of kms-service. */
  setClock(now: Date | undefined): void;
  readonly audit: { stop(): Promise<void>; start(): Promise<void> };
  /** hsm-service, the writer first. */
  readonly hsms: readonly HsmProcess[];
  /** What a kms-service in a process of its own is configured with. */
  readonly kmsEnv: Readonly<Record<string, string>>;
}

/** One replica of hsm-service. */
export interface HsmProcess {
  readonly address: string;
  /** Its root files lie in root/. */
  readonly folder: string;
  /** What its next start is configured with. */
  config: HsmConfig;
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** What a test may change. */
export interface SystemOptions {
  /** Settings of hsm-service. */
  readonly hsm?: Partial<HsmConfig>;
  /** How many replicas of hsm-service there are beside the writer. */
  readonly replicas?: number;
  /** More environment of kms-service. */
  readonly kms?: Readonly<Record<string, string>>;
}

export const root: CallContext = contextOf({
  ...{
    type: PrincipalType.PRINCIPAL_TYPE_ROOT,
    arn: `arn:aws:iam::${account}:root`,
    uniqueId: account,
    account,
    userName: '',
  },
});

/** A call of edge in the name of a principal. */
export function contextOf(principal: Principal, more: Partial<CallContext> = {}): CallContext {
  return {
    ...{
      principal,
      accessKeyId: 'AKIATEST',
      session: undefined,
      sourceIp: '192.0.2.7',
      userAgent: 'test',
      tls: undefined,
    },
    ...{ viaService: '', requestId: requestId(), ...more },
  };
}

export async function system({ hsm = {}, replicas = 0, kms: kmsSettings = {} }: SystemOptions = {}): Promise<System> {
  const folder = mkdtempSync(join(tmpdir(), 'keystead-kms-'));
  const pki = await testPki();
  const database = await testDatabase('kms-service', 'iam-service', 'audit-service');
  const iamAddress = await freeAddress();
  const auditAddress = await freeAddress();
  const kmsAddress = await freeAddress();
  const env = async (service: string) => ({
    KEYSTEAD_TLS_DIR: await pki.dir(service),
    KEYSTEAD_LOG_LEVEL: process.env['TEST_LOG'] ?? 'silent',
    KEYSTEAD_TEST_MODE: '1',
  });
  const stored = (service: 'kms-service' | 'iam-service' | 'audit-service') => {
    const { url, passwordFile } = database.of(service);
    return { KEYSTEAD_DATABASE_URL: url, KEYSTEAD_DATABASE_PASSWORD_FILE: passwordFile };
  };
  const auditSettings = auditConfig({
    ...(await env('audit-service')),
    ...stored('audit-service'),
    KEYSTEAD_LISTEN: auditAddress,
    KEYSTEAD_IAM_ADDRESS: iamAddress,
  });
  let audit: Running | undefined = await startAudit(auditSettings);
  const hsms: HsmProcess[] = [];
  for (let i = 0; i <= replicas; i++) {
    const own = join(folder, `hsm-${i}`);
    const settings = hsmConfig({
      ...(await env('hsm-service')),
      KEYSTEAD_LISTEN: await freeAddress(),
      KEYSTEAD_ROOT_DIR: join(own, 'root'),
      KEYSTEAD_ROOT_KEY_FILE: join(folder, 'root.key'),
      ...{ KEYSTEAD_ROOT_WRITER: 'hsm-0', KEYSTEAD_INSTANCE: `hsm-${i}` },
    });
    hsms.push(hsmProcess({ ...settings, ...hsm }, own));
    await hsms[i]?.start();
  }
  let clock: Date | undefined;
  const kmsEnv = {
    ...(await env('kms-service')),
    ...stored('kms-service'),
    KEYSTEAD_HSM_ADDRESS: hsms.map(({ address }) => address).join(','),
    ...{ KEYSTEAD_IAM_ADDRESS: iamAddress, KEYSTEAD_AUDIT_ADDRESS: auditAddress, KEYSTEAD_KMS_WORKER_MS: '100' },
    ...kmsSettings,
  };
  const settings = readConfig(kmsEnv);
  const configured: Config = { ...settings, now: () => clock ?? new Date() };
  const kms = await start({ ...configured, listen: kmsAddress });
  const iam = await startIam(
    iamConfig({
      ...{ ...(await env('iam-service')), ...stored('iam-service'), KEYSTEAD_LISTEN: iamAddress },
      ...{
        KEYSTEAD_KMS_ADDRESS: kmsAddress,
        KEYSTEAD_AUDIT_ADDRESS: auditAddress,
        KEYSTEAD_ADMIN_CREDENTIALS_FILE: join(folder, 'admin'),
      },
    }),
  );
  const identities: { close(): void }[] = [];
  const clients: { close(): void }[] = [];
  const client = async (service: string, address = kmsAddress): Promise<PipelineClient<Operation, Outcome>> => {
    const tls = tlsIdentity(await pki.dir(service));
    identities.push(tls);
    const made = pipelineClient<Operation, Outcome>({
      method: KmsServiceService.pipeline,
      address,
      tls,
      expected: 'kms-service',
    });
    clients.push(made);
    return made;
  };
  const streams = new Map<string, PipelineClient<Operation, Outcome>>();
  for (const service of ['edge', 'object-store-gateway', 'iam-service', 'bench'])
    streams.set(service, await client(service));
  const edgeTls = tlsIdentity(await pki.dir('edge'));
  identities.push(edgeTls);
  const iamPipe = pipelineClient<IamOperation, IamOutcome>({
    method: IamServiceService.pipeline,
    address: iamAddress,
    tls: edgeTls,
    expected: 'iam-service',
  });
  clients.push(iamPipe);
  const through = (service: string): PipelineClient<Operation, Outcome> =>
    streams.get(service) as PipelineClient<Operation, Outcome>;
  const others: Running[] = [];
  const auditPool = database.adminPool('audit-service');
  const result: System = {
    ...{ database, pki, kmsAddress, through, iam: iamPipe, hsms, kmsEnv },
    kms: async ($case, request = {}, as = {}) => {
      const value = { ...emptyRequest, ...request };
      const context = { ...root, requestId: requestId(), ...as };
      return (await through(context.viaService === '' ? 'edge' : 'object-store-gateway').request(
        $case,
        value as never,
        { context },
      )) as never;
    },
    user: async (name, policy) => {
      const context = { ...root, requestId: requestId() };
      const { user } = await iamPipe.request('createUser', { userName: name, tags: [] }, { context });
      if (policy) {
        const request = { userName: name, policyName: 'own', policyDocument: JSON.stringify(policy) };
        await iamPipe.request('putUserPolicy', request, { context });
      }
      const principal = {
        type: PrincipalType.PRINCIPAL_TYPE_IAM_USER,
        arn: user?.arn ?? '',
        uniqueId: user?.userId ?? '',
        account,
        userName: name,
      };
      return contextOf(principal);
    },
    records: async (eventName) => {
      // Parsed here: PostgreSQL's jsonb takes no U+0000, which a refused request may hold.
      const { rows } = await auditPool.query<{ body: Buffer }>({ text: 'select body from audit_leaf order by idx' });
      const records = rows.map(({ body }) => (JSON.parse(body.toString()) as { rec: Record<string, unknown> }).rec);
      return records.filter((rec) => rec['eventName'] === eventName);
    },
    anotherKms: async () => {
      const other = await start({ ...configured, listen: '127.0.0.1:0' });
      others.push(other);
      return other;
    },
    setClock: (now) => (clock = now),
    audit: {
      stop: async () => {
        await audit?.close();
        audit = undefined;
      },
      start: async () => {
        audit = await startAudit(auditSettings);
      },
    },
    [Symbol.asyncDispose]: async () => {
      for (const one of clients) one.close();
      for (const one of identities) one.close();
      await iam.close();
      for (const one of others) await one.close();
      await kms.close();
      for (const one of hsms) await one.stop();
      await audit?.close();
      await database[Symbol.asyncDispose]();
      pki[Symbol.dispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return result;
}

/** What ts-proto wants to be there. */
const emptyRequest = {
  ...{
    encryptionContext: {},
    sourceEncryptionContext: {},
    destinationEncryptionContext: {},
    grantTokens: [],
    tags: [],
  },
  ...{ tagKeys: [], dryRunModifiers: [] },
};

function hsmProcess(config: HsmConfig, folder: string): HsmProcess {
  let running: Running | undefined;
  const made: HsmProcess = {
    ...{ config, folder, address: config.listen },
    stop: async () => {
      await running?.close();
      running = undefined;
    },
    start: async () => {
      running = await startHsm(made.config);
    },
  };
  return made;
}

/** A loopback address nobody listens on. */
const freeAddress = async (): Promise<string> => `127.0.0.1:${await freePort()}`;
