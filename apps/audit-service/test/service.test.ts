import { auditClient, type AuditClient, cloudTrailRecord } from '@keystead/audit';
import {
  AuditAdminServiceClient,
  type Call,
  EventCategory,
  AuditServiceService,
  type Result,
  type SearchRequest,
} from '@keystead/proto/audit';
import { TestingServiceClient } from '@keystead/proto/common';
import {
  channelCredentials,
  channelOptions,
  invoke,
  pipelineClient,
  type Running,
  type TlsIdentity,
  tlsIdentity,
} from '@keystead/service';
import { testDatabase, type TestDatabase } from '@keystead/testing/database';
import { testPki, type TestPki } from '@keystead/testing/pki';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../src/config.js';
import { start } from '../src/main.js';
import { contextOf, event } from './records.js';

let database: TestDatabase;
let pki: TestPki;
let service: Running;
const opened: { close(): void }[] = [];

beforeAll(async () => {
  [database, pki] = await Promise.all([testDatabase('audit-service'), testPki()]);
  const { url, passwordFile } = database.of('audit-service');
  service = await start(
    readConfig({
      KEYSTEAD_TLS_DIR: await pki.dir('audit-service'),
      KEYSTEAD_DATABASE_URL: url,
      KEYSTEAD_DATABASE_PASSWORD_FILE: passwordFile,
      // Nobody answers there: appending must not need iam-service.
      KEYSTEAD_IAM_ADDRESS: '127.0.0.1:1',
      KEYSTEAD_TEST_MODE: '1',
      KEYSTEAD_LOG_LEVEL: 'silent',
    }),
  );
});
afterAll(async () => {
  for (const one of opened) one.close();
  await service.close();
  await database[Symbol.asyncDispose]();
  pki[Symbol.dispose]();
});

function kept<T extends { close(): void }>(closable: T): T {
  opened.push(closable);
  return closable;
}

async function identity(name: string): Promise<TlsIdentity> {
  return kept(tlsIdentity(await pki.dir(name)));
}

async function client(name: string): Promise<AuditClient> {
  return kept(auditClient({ address: service.address, tls: await identity(name) }));
}

async function operator(): Promise<AuditAdminServiceClient> {
  const tls = kept(tlsIdentity(await pki.dirFor('spiffe://keystead.local/operator/olga')));
  return kept(new AuditAdminServiceClient(service.address, channelCredentials(tls, 'audit-service'), channelOptions));
}

const all: SearchRequest = {
  ...{ account: '', eventName: '', username: '', resourceName: '', eventSource: '' },
  category: EventCategory.EVENT_CATEGORY_UNSPECIFIED,
};

async function names(request: Partial<SearchRequest> = {}): Promise<string[]> {
  const admin = await operator();
  const { events } = await invoke(admin.search.bind(admin), { ...all, ...request });
  return events.map(({ eventName }) => eventName);
}

describe('audit-service', () => {
  test('appends for each service what is its own, and for nobody else', async () => {
    const append = async (who: string, eventSource: string): Promise<void> =>
      (await client(who)).append(cloudTrailRecord(contextOf(), event({ eventSource, eventName: `By-${who}` })));
    await append('kms-service', 'kms.amazonaws.com');
    await append('iam-service', 'sts.amazonaws.com');
    await append('object-store-gateway', 's3.amazonaws.com');
    await append('edge', 'kms.amazonaws.com');
    await expect(append('kms-service', 'iam.amazonaws.com')).rejects.toMatchObject({ code: 'AccessDenied' });
    // Its stream is refused, so for the client there is no service.
    await expect(append('hsm-service', 'kms.amazonaws.com')).rejects.toMatchObject({ code: 'Unavailable' });
    expect((await names()).sort()).toEqual(['By-edge', 'By-iam-service', 'By-kms-service', 'By-object-store-gateway']);
  });

  test('refuses a record whose columns or bytes cannot be right', async () => {
    const kms = await client('kms-service');
    const good = cloudTrailRecord(contextOf(), event());
    const bad = [
      { eventId: 'x' },
      { account: '1' },
      { category: EventCategory.EVENT_CATEGORY_UNSPECIFIED },
      { record: Buffer.from('[]') },
      { record: Buffer.alloc(60_000, '{') },
      { eventName: '' },
    ];
    for (const change of bad) {
      await expect(kms.append({ ...good, ...change })).rejects.toMatchObject({ code: 'Validation' });
    }
  });

  test('searches and verifies for operators only', async () => {
    const admin = await operator();
    expect(await invoke(admin.verify.bind(admin), {})).toMatchObject({ consistent: true, findings: [] });
    const credentials = channelCredentials(await identity('edge'), 'audit-service');
    const edge = kept(new AuditAdminServiceClient(service.address, credentials, channelOptions));
    await expect(invoke(edge.search.bind(edge), all)).rejects.toMatchObject({ code: 'AccessDenied' });
    await expect(invoke(edge.verify.bind(edge), {})).rejects.toMatchObject({ code: 'AccessDenied' });
  });

  test('looks nothing up while it cannot learn what the caller may do, and records the attempt', async () => {
    const ask = async (who: string) => {
      const tls = await identity(who);
      const pipe = pipelineClient<NonNullable<Call['operation']>, NonNullable<Result['outcome']>>({
        method: AuditServiceService.pipeline,
        ...{ address: service.address, tls, expected: 'audit-service' },
      });
      kept(pipe);
      return pipe.request('lookupEvents', { lookupAttributes: [] }, { context: contextOf('mallory') });
    };
    await expect(ask('kms-service')).rejects.toMatchObject({ code: 'AccessDenied' });
    await expect(ask('edge')).rejects.toMatchObject({ code: 'Unavailable' });
    expect(await names({ account: '000000000000', username: 'mallory' })).toEqual(['LookupEvents']);
  });

  test('answers probes, and resets only for edge', async () => {
    const probe = await fetch(`http://${service.opsAddress}/readyz`);
    expect(probe.status).toBe(200);
    const reset = async (who: string): Promise<unknown> => {
      const credentials = channelCredentials(await identity(who), 'audit-service');
      const testing = kept(new TestingServiceClient(service.address, credentials, channelOptions));
      return invoke(testing.reset.bind(testing), {});
    };
    await expect(reset('kms-service')).rejects.toMatchObject({ code: 'AccessDenied' });
    await reset('edge');
    expect(await names()).toEqual([]);
    const admin = await operator();
    expect((await invoke(admin.verify.bind(admin), {})).size).toBeGreaterThan(4n);
  });
});
