import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { cp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  HsmCeremonyServiceClient,
  HsmDomainKeyServiceClient,
  HsmRootServiceClient,
  PartitionServiceClient,
  RootStanding,
  type ChangePartitionRequest,
  type CommandSignature,
  type DescribeRootResponse,
  type ExecuteCommandResponse,
  type GetRootResponse,
  type ListDomainKeysRequest,
  type ListDomainKeysResponse,
  type PrepareCommandResponse,
} from '@keystead/proto/hsm';
import { channelCredentials, invoke, tlsIdentity, type TlsIdentity } from '@keystead/service';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { system, type HsmProcess, type System } from './support/system.js';

const partitionOfficer = 'spiffe://keystead.local/svc/payments-admin';
const partitionUser = 'spiffe://keystead.local/svc/payments';

let sys: System;
interface Officer {
  readonly name: string;
  readonly key: string;
  readonly privateKey: KeyObject;
}
const officer = (name: string): Officer => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const key = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('hex');
  return { name, key, privateKey };
};
const [ann, bob] = [officer('ann'), officer('bob')];
const signature = (command: Buffer, { name, privateKey }: Officer): CommandSignature => {
  const signed = Buffer.concat([Buffer.from('keystead/v1/command\0'), command]);
  return { operator: name, signature: sign(null, signed, privateKey) };
};

/** Carried out before the writer is set back. */
let replayed: Buffer;
let tls: TlsIdentity;
let [writer, first, second]: HsmProcess[] = [];
beforeAll(async () => {
  sys = await system({
    replicas: 2,
    hsm: { rotation: { periodMs: 0, retentionDays: 0 } },
    kms: { KEYSTEAD_HSM_ROOT_MS: '100', KEYSTEAD_REWRAP_CLOSE_MS: '300' },
  });
  tls = tlsIdentity(await sys.pki.dir('kms-service'));
  [writer, first, second] = sys.hsms;
});
afterAll(async () => {
  tls.close();
  await sys[Symbol.asyncDispose]();
});

const given = (hsm: HsmProcess | undefined): HsmProcess => hsm as HsmProcess;

async function rootOf(hsm: HsmProcess | undefined): Promise<GetRootResponse> {
  const client = new HsmRootServiceClient(given(hsm).address, channelCredentials(tls, 'hsm-service'));
  try {
    return await invoke(
      client.getRoot.bind(client),
      { knownGeneration: 0n, knownHash: Buffer.alloc(0) },
      { timeoutMs: 3_000 },
    );
  } finally {
    client.close();
  }
}

const generationOf = async (hsm: HsmProcess | undefined): Promise<bigint> =>
  (await rootOf(hsm)).generations[0]?.generation ?? 0n;

const activeOf = async (hsm: HsmProcess | undefined): Promise<number> =>
  (await rootOf(hsm)).domainKeys.find(({ state }) => state === 1)?.epoch ?? 0;

async function until(what: string, check: () => Promise<boolean>, ms = 20_000): Promise<void> {
  const end = Date.now() + ms;
  while (!(await check().catch(() => false))) {
    if (Date.now() > end) throw new Error(`not in time: ${what}`);
    await new Promise((later) => setTimeout(later, 50));
  }
}

async function together(): Promise<void> {
  await until('all replicas have one root', async () => {
    const all = await Promise.all(sys.hsms.map(generationOf));
    return all.every((generation) => generation === all[0] && generation > 0n);
  });
}

/** One rotation: the writer starts with a short period, and again without one. */
async function rotate(): Promise<void> {
  const before = await activeOf(writer);
  await restart(given(writer), 300);
  await until('another domain key is active', async () => (await activeOf(writer)) > before);
  await restart(given(writer), 0);
  await until('none waits', async () => (await rootOf(writer)).domainKeys.every(({ state }) => state !== 4));
}

async function restart(hsm: HsmProcess, periodMs: number): Promise<void> {
  await hsm.stop();
  hsm.config = { ...hsm.config, rotation: { periodMs, retentionDays: 0 } };
  await hsm.start();
}

test('replicas without a root get that of the writer, by way of kms-service, and make none', async () => {
  await together();
  const [a, b, c] = await Promise.all(sys.hsms.map(rootOf));
  expect([a?.writer, b?.writer, c?.writer]).toEqual([true, false, false]);
  expect([b?.isSealed, c?.isSealed]).toEqual([false, false]);
  expect(b?.domainId).toEqual(a?.domainId);
});

/** As SDKs do: KMSInternalException of replicas that are all a moment behind is asked again. */
async function patiently<T>(call: () => Promise<T>): Promise<T> {
  for (let again = 0; ; again++) {
    try {
      return await call();
    } catch (error) {
      if (again === 3 || (error as { code?: string }).code !== 'RootBehind') throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

test('a rotation while replicas die and come back: no call fails, and tokens of the new epoch open everywhere', async () => {
  const { keyMetadata } = await sys.kms('createKey');
  const keyId = keyMetadata?.keyId ?? '';
  const { ciphertextBlob } = await sys.kms('encrypt', { keyId, plaintext: Buffer.from('x') });
  const failures: unknown[] = [];
  let [done, going] = [0, true];
  const caller = async (): Promise<void> => {
    while (going) {
      const fresh = done % 50 === 0 ? (await sys.kms('createKey')).keyMetadata?.keyId : undefined;
      const blob =
        fresh === undefined
          ? undefined
          : (await patiently(() => sys.kms('encrypt', { keyId: fresh, plaintext: Buffer.from('x') }))).ciphertextBlob;
      await patiently(() => sys.kms('decrypt', { ciphertextBlob: blob ?? ciphertextBlob }));
      done++;
    }
  };
  const callers = Promise.all(
    Array.from({ length: 16 }, () => caller().catch((error: unknown) => void failures.push(error))),
  );
  await given(second).stop();
  await rotate();
  await given(second).start();
  await given(first).stop();
  await rotate();
  await given(first).start();
  await together();
  going = false;
  await callers;
  expect(failures).toEqual([]);
  expect(done).toBeGreaterThan(100);
  await until('all have the same active domain key', async () => {
    const all = await Promise.all(sys.hsms.map(activeOf));
    return all.every((epoch) => epoch === all[0]);
  });
  // Without the writer everything goes on.
  await given(writer).stop();
  await sys.kms('decrypt', { ciphertextBlob });
  await sys.kms('createKey');
  await given(writer).start();
}, 120_000);

test('a writer that was set back to an older root is not used; the others go on', async () => {
  const hsm = given(writer);
  const [root, saved] = [join(hsm.folder, 'root'), join(hsm.folder, 'saved')];
  await command('create-partition', { name: 'a', officer: partitionOfficer });
  await changePartition({ $case: 'addUser', value: partitionUser });
  await inPartition();
  // What the thief of the disk has: the files, and a command that was carried out soon after.
  replayed = await prepared('add-recipient', { name: 'board', threshold: '2', count: '3' });
  await cp(root, saved, { recursive: true });
  expect((await carriedOut(replayed)).shares).toHaveLength(3);
  for (const { name, key } of [ann, bob]) await command('add-operator', { name, role: 'officer', key });
  const rule = await prepared('set-rule', { command: 'supersede-root', role: 'officer', count: '2' });
  await carriedOut(rule);
  await changePartition({ $case: 'removeUser', value: partitionUser });
  await expect(inPartition()).rejects.toMatchObject({ code: 'AccessDenied' });
  await rotate();
  await together();
  const newest = await generationOf(writer);
  await hsm.stop();
  await rm(root, { recursive: true });
  await cp(saved, root, { recursive: true });
  await hsm.start();
  await until('the rollback is in the log', async () => (await sys.records('HsmRootRefused')).length > 0);
  expect(JSON.stringify((await sys.records('HsmRootRefused'))[0])).toContain('was set back to generation');
  expect(await generationOf(writer)).toBeLessThan(newest);
  expect(await generationOf(first)).toBe(newest);
  const { keyMetadata } = await sys.kms('createKey');
  await sys.kms('encrypt', { keyId: keyMetadata?.keyId ?? '', plaintext: Buffer.from('x') });
  expect((await readdir(root)).length).toBeGreaterThan(0);
}, 60_000);

test('on a root that was set back no command is carried out again, and nobody who was removed is back', async () => {
  await until('the writer knows it', async () => (await standing()) === RootStanding.ROOT_STANDING_SET_BACK);
  await expect(carriedOut(replayed)).rejects.toMatchObject({ code: 'Conflict' });
  for (const [name, args] of [
    ['add-recipient', { name: 'mine', threshold: '2', count: '2' }],
    ['add-operator', { name: 'eve', role: 'officer', key: '11'.repeat(32) }],
    ['rotate-domain-key', {}],
    ['create-partition', { name: 'b', officer: partitionOfficer }],
  ] as const)
    await expect(command(name, args)).rejects.toMatchObject({ code: 'Conflict' });
  await expect(inPartition()).rejects.toMatchObject({ code: 'Conflict' });
  await expect(changePartition({ $case: 'setQuorum', value: 1 })).rejects.toMatchObject({ code: 'Conflict' });
  expect((await command('backup')).rootFile.length).toBeGreaterThan(0);
});

test('a replica set back to an older root gets the newest again', async () => {
  const hsm = given(first);
  const newest = await generationOf(first);
  const root = join(hsm.folder, 'root');
  await hsm.stop();
  const files = (await readdir(root)).filter((name) => name.endsWith('.kst')).sort();
  await rm(join(root, files.at(-1) ?? ''));
  await hsm.start();
  await until('it has the newest', async () => (await generationOf(first)) === newest);
});

test('the domain keys of a replica are shown, and that it is none that writes', async () => {
  const client = new HsmDomainKeyServiceClient(given(first).address, channelCredentials(tls, 'hsm-service'));
  const shown = await invoke<ListDomainKeysRequest, ListDomainKeysResponse>(
    (...call) => client.listDomainKeys(...call),
    {},
  );
  client.close();
  expect(shown.writer).toBe(false);
  expect(shown.domainKeys.at(-1)).toMatchObject({ state: 1 });
});

/** Talks to the writer as an operator; there are no rules. */
async function asOperator<T>(work: (client: HsmCeremonyServiceClient) => Promise<T>): Promise<T> {
  const operator = tlsIdentity(await sys.pki.dirFor('spiffe://keystead.local/operator/ops'));
  const client = new HsmCeremonyServiceClient(given(writer).address, channelCredentials(operator, 'hsm-service'));
  try {
    return await work(client);
  } finally {
    client.close();
    operator.close();
  }
}

const prepared = (name: string, args: Record<string, string> = {}): Promise<Buffer> =>
  asOperator(async (client) => {
    const wanted = { command: name, arguments: args, secret: undefined, validSeconds: 0 };
    return Buffer.from(
      (await invoke<typeof wanted, PrepareCommandResponse>(client.prepareCommand.bind(client), wanted)).command,
    );
  });

const carriedOut = (command: Buffer, officers: readonly Officer[] = []): Promise<ExecuteCommandResponse> =>
  asOperator((client) =>
    invoke(
      client.executeCommand.bind(client),
      { command, signatures: officers.map((one) => signature(command, one)), secret: undefined },
      {
        timeoutMs: 20_000,
      },
    ),
  );

const command = async (name: string, args: Record<string, string> = {}): Promise<ExecuteCommandResponse> =>
  carriedOut(await prepared(name, args));

/** Uses the partition "a" as its user. */
async function inPartition(): Promise<void> {
  const user = tlsIdentity(await sys.pki.dirFor(partitionUser));
  const client = new PartitionServiceClient(given(writer).address, channelCredentials(user, 'hsm-service'));
  try {
    await invoke(client.partitionGenerateKey.bind(client), {
      partition: 'a',
      keySpec: 1,
      keyUsage: 1,
      account: '',
      keyId: '',
    });
  } finally {
    client.close();
    user.close();
  }
}

async function changePartition(change: NonNullable<ChangePartitionRequest['change']>): Promise<void> {
  const officer = tlsIdentity(await sys.pki.dirFor(partitionOfficer));
  const client = new PartitionServiceClient(given(writer).address, channelCredentials(officer, 'hsm-service'));
  try {
    await invoke(client.changePartition.bind(client), { partition: 'a', change });
  } finally {
    client.close();
    officer.close();
  }
}

const standing = async (): Promise<RootStanding> =>
  (await asOperator((client) => invoke<object, DescribeRootResponse>(client.describeRoot.bind(client), {}))).standing;

test('with supersede-root the operators go on with the older root; replicas start anew from it', async () => {
  const { rows } = await sys.database.adminPool('kms-service').query<{ generation: bigint; file_hash: Buffer }>({
    text: 'select generation, file_hash from kms.hsm_root',
  });
  const known = { generation: String(rows[0]?.generation), hash: rows[0]?.file_hash.toString('hex') ?? '' };
  for (const replica of [first, second]) {
    await given(replica).stop();
    await rm(join(given(replica).folder, 'root'), { recursive: true });
  }
  // The root that was set back knows no rule; kms-service knows those of the root that would be given up.
  await command('supersede-root', { ...known, epoch: '50' });
  await until('it is refused', async () =>
    JSON.stringify(await sys.records('HsmRootRefused')).includes('needs 2 signatures'),
  );
  expect(await standing()).toBe(RootStanding.ROOT_STANDING_SET_BACK);
  const wanted = await prepared('supersede-root', { ...known, epoch: '50' });
  await carriedOut(wanted, [ann, bob]);
  await until('a new domain key is active', async () => (await activeOf(writer)) === 52);
  for (const replica of [first, second]) await given(replica).start();
  await together();
  const { keyMetadata } = await sys.kms('createKey');
  await sys.kms('encrypt', { keyId: keyMetadata?.keyId ?? '', plaintext: Buffer.from('x') });
  expect(await activeOf(second)).toBe(52);
  await until('ceremonies go on', async () => (await standing()) === RootStanding.ROOT_STANDING_NEWEST);
  await inPartition();
}, 60_000);

test('operators rotate the domain key; a former one that tokens need, or that is young, is not destroyed', async () => {
  await command('rotate-domain-key');
  await until('it is active everywhere', async () => (await activeOf(first)) === 53);
  await expect(command('destroy-domain-key', { epoch: '1' })).rejects.toMatchObject({ code: 'Conflict' });
  await expect(command('destroy-domain-key', { epoch: '99' })).rejects.toMatchObject({ code: 'NotFound' });
});
