import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { HsmDomainKeyServiceClient, HsmRootServiceClient, type ListDomainKeysResponse } from '@keystead/proto/hsm';
import { channelCredentials, invoke, tlsIdentity } from '@keystead/service';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { system, type System } from './support/system.js';

/**
 * The long form is `npm run campaign:domain-key`. On two busy cores
 * its 100,000 decrypts took 44 s, in which the domain key was rotated 29 times.
 */
const decrypts = Number(process.env['DECRYPTS'] ?? 2_000);
const keys = 200;
const makers = 8;
const periodMs = 1_500;

let sys: System;
let database: ReturnType<System['database']['adminPool']>;
let adminClient: HsmDomainKeyServiceClient;
const closers: (() => void)[] = [];
beforeAll(async () => {
  // Slow enough that rewrapping is still going on when it is disturbed.
  sys = await system({
    hsm: { rotation: { periodMs: 0, retentionDays: 0 } },
    kms: { KEYSTEAD_REWRAP_PER_SECOND: '100', KEYSTEAD_HSM_ROOT_MS: '100', KEYSTEAD_REWRAP_CLOSE_MS: '300' },
  });
  database = sys.database.adminPool('kms-service');
  const tls = tlsIdentity(await sys.pki.dir('kms-service'));
  adminClient = new HsmDomainKeyServiceClient(sys.hsms[0]?.address ?? '', channelCredentials(tls, 'hsm-service'));
  closers.push(
    () => tls.close(),
    () => adminClient.close(),
  );
});
afterAll(async () => {
  for (const close of closers) close();
  await sys[Symbol.asyncDispose]();
});

const domainKeys = (): Promise<ListDomainKeysResponse> =>
  invoke((...call) => adminClient.listDomainKeys(...call), {}, { timeoutMs: 5_000 });

async function until(what: string, check: () => Promise<boolean>, ms = 30_000): Promise<void> {
  const end = Date.now() + ms;
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`not in time: ${what}`);
    await new Promise((later) => setTimeout(later, 50));
  }
}

const activeEpoch = async (): Promise<number> =>
  (await domainKeys()).domainKeys.find(({ state }) => state === 1)?.epoch ?? 0;

/** The active epoch, once no other domain key waits and all tokens are of it. */
async function settled(what: string): Promise<number> {
  let active = 0;
  const check = async (): Promise<boolean> => {
    const { domainKeys: all } = await domainKeys();
    active = all.find(({ state }) => state === 1)?.epoch ?? 0;
    return all.every(({ state }) => state !== 4) && Object.keys(await tokensByEpoch()).join() === String(active);
  };
  await until(what, check, 60_000);
  return active;
}

/** Starts hsm-service anew with other settings. */
async function restartHsm(rotation: { periodMs: number; retentionDays: number }): Promise<void> {
  const [hsm] = sys.hsms;
  if (!hsm) throw new Error('no HSM');
  await hsm.stop();
  hsm.config = { ...hsm.config, rotation };
  await hsm.start();
  await until('the HSM is back', () =>
    sys.kms('generateRandom', { numberOfBytes: 1 }).then(
      () => true,
      () => false,
    ),
  );
}

async function tokensByEpoch(): Promise<Record<string, number>> {
  const { rows } = await database.query<{ epoch: bigint; n: bigint }>({
    text: 'select epoch, count(*) as n from kms.key_material where token is not null group by epoch order by epoch',
  });
  return Object.fromEntries(rows.map(({ epoch, n }) => [String(epoch), Number(n)]));
}

interface Made {
  readonly keyId: string;
  readonly ciphertextBlob: Uint8Array;
}

/** Few at a time: changes are committed one after another, and on a starved machine the last of 200 came too late. */
async function makeKeys(): Promise<Made[]> {
  const made: Made[] = [];
  const maker = async (share: number): Promise<void> => {
    for (let i = 0; i < share; i++) {
      const keyId = (await sys.kms('createKey')).keyMetadata?.keyId ?? '';
      const { ciphertextBlob } = await sys.kms('encrypt', { keyId, plaintext: Buffer.from(keyId) });
      made.push({ keyId, ciphertextBlob });
    }
  };
  await Promise.all(Array.from({ length: makers }, () => maker(keys / makers)));
  return made;
}

test(`${decrypts} decrypts during rotations of the domain key: none fails, and all tokens follow`, async () => {
  const made = await makeKeys();
  expect(Object.keys(await tokensByEpoch())).toEqual(['1']);
  await restartHsm({ periodMs, retentionDays: 0 });
  let left = decrypts;
  const failures: unknown[] = [];
  const caller = async (n: number): Promise<void> => {
    for (let i = n; left-- > 0 || (await activeEpoch()) < 3; i++) {
      const { keyId, ciphertextBlob } = made[i % keys] as Made;
      await sys.kms('decrypt', { ciphertextBlob }).then(
        ({ plaintext }) => Buffer.from(plaintext).toString() === keyId || failures.push('another plaintext'),
        (error: unknown) => failures.push(error),
      );
    }
  };
  await Promise.all(Array.from({ length: 32 }, (_, i) => caller(i)));
  expect(failures).toEqual([]);
  expect(await activeEpoch()).toBeGreaterThanOrEqual(3);
  await restartHsm({ periodMs: 0, retentionDays: 0 });
  const active = await settled('all tokens rewrapped');
  for (const { keyId, ciphertextBlob } of made)
    expect(Buffer.from((await sys.kms('decrypt', { ciphertextBlob })).plaintext).toString()).toBe(keyId);
  const shown = async () => (await domainKeys()).domainKeys.map(({ epoch, tokens, closed }) => [epoch, tokens, closed]);
  await until('the count is reported', async () =>
    (await shown()).every(([epoch, , closed]) => closed || epoch === active),
  );
  expect((await shown()).at(-1)?.[1]).toBeGreaterThanOrEqual(BigInt(keys));
  const generations = await sys.records('HsmRootChanged');
  expect(generations.length).toBeGreaterThanOrEqual(5);
}, 600_000);

test('kms-service killed in the middle of rewrapping: another goes on, and no token is lost', async () => {
  const before = await activeEpoch();
  const child = await startChild();
  await restartHsm({ periodMs, retentionDays: 0 });
  await until('rewrapping began', async () => {
    const counts = await tokensByEpoch();
    return Object.keys(counts).length > 1 && Object.keys(counts).some((epoch) => Number(epoch) > before);
  });
  child.kill('SIGKILL');
  await restartHsm({ periodMs: 0, retentionDays: 0 });
  const total = Object.values(await tokensByEpoch()).reduce((sum, n) => sum + n, 0);
  const active = await settled('the others went on');
  expect((await tokensByEpoch())[String(active)]).toBe(total);
}, 120_000);

/** A second kms-service in a process of its own, which holds the lease of rewrapping if it gets there first. */
function startChild(): Promise<ChildProcess> {
  const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
  const args = ['--import', 'tsx', '--conditions=@keystead/source', main];
  const env = { ...sys.kmsEnv, PATH: process.env['PATH'] ?? '', KEYSTEAD_SUPERVISED: '1' };
  return new Promise((ready, failed) => {
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    closers.push(() => child.kill('SIGKILL'));
    child.once('message', () => ready(child));
    child.once('exit', (code) => failed(new Error(`kms-service ended with ${String(code)}`)));
  });
}

test('a token that comes after its epoch was closed is refused', async () => {
  const active = await activeEpoch();
  await until('the former epochs are closed', async () => {
    const { rows } = await database.query<{ e: bigint }>({ text: 'select first_epoch as e from kms.hsm_root' });
    return Number(rows[0]?.e) === active;
  });
  // As an insert would come that was paused for long: the epoch of the HSM is taken for a former one.
  await database.query({ text: 'update kms.hsm_root set first_epoch = $1', values: [active + 1] });
  await expect(sys.kms('createKey')).rejects.toMatchObject({ code: 'Unavailable' });
  await database.query({ text: 'update kms.hsm_root set first_epoch = $1', values: [active] });
  await sys.kms('createKey');
});

test('only kms-service shares roots, and a report about another root is refused', async () => {
  const address = sys.hsms[0]?.address ?? '';
  for (const [service, code] of [
    ['edge', 'AccessDenied'],
    ['kms-service', 'Conflict'],
  ] as const) {
    // prettier-ignore
    const tls = tlsIdentity(await sys.pki.dir(service));
    const client = new HsmRootServiceClient(address, channelCredentials(tls, 'hsm-service'));
    const report = { sharedGeneration: 1n, fileHash: Buffer.alloc(32), counted: false, tokens: [], countedMs: 0n };
    await expect(invoke(client.reportRoot.bind(client), report)).rejects.toMatchObject({ code });
    const put = invoke(client.putRoot.bind(client), { sealedRoot: Buffer.alloc(9) });
    await expect(put).rejects.toMatchObject({ code });
    client.close();
    tls.close();
  }
});
