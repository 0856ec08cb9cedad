import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateKeyCommand, DecryptCommand, EncryptCommand, KMSClient } from '@aws-sdk/client-kms';
import { startKeystead, type StartedKeystead } from '@keystead/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

const scratch = mkdtempSync(join(tmpdir(), 'keystead-ceremonies-'));
const cli = fileURLToPath(new URL('../../../dist/cli/main.mjs', import.meta.url));
const data = join(scratch, 'data');
vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

let running: StartedKeystead;
let kms: KMSClient;

beforeAll(async () => {
  running = await startKeystead({ data });
  kms = new KMSClient({ ...running.clientConfig, maxAttempts: 1 });
});
afterAll(async () => {
  kms.destroy();
  await running.stop();
  rmSync(scratch, { recursive: true, force: true });
});

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs `keystead hsm …` as a user in a script does: without a terminal. */
function hsm(...args: string[]): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, 'hsm', ...args], {
    ...{ cwd: scratch, encoding: 'utf8', timeout: 60_000 },
  });
  return { code: status, out: stdout, err: stderr };
}

const here = ['--data', data];
const shareFile = (n: number): string => join('shares', `board-${n}.share`);

test('every command explains itself, and none acts unasked', () => {
  const { out } = hsm('--help');
  for (const name of ['status', 'init', 'unseal', 'seal', 'add-recipient', 'remove-recipient', 'backup', 'restore'])
    expect(out).toContain(`  ${name} `);
  for (const name of [
    'init',
    'unseal',
    'seal',
    'add-recipient',
    'remove-recipient',
    'backup',
    'restore',
    'verify',
    'rotate-domain-key',
    'destroy-domain-key',
    'sign',
  ])
    expect(hsm(name, '--help').out).toMatch(/Examples?(, on an empty machine)?:/);
  const before = hsm('status', ...here).out;
  for (const args of [['seal'], ['remove-recipient', 'key-file'], ['add-recipient', 'board', '--shares', '2/3']]) {
    const refused = hsm(...args, ...here);
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('give --yes') as string });
  }
  expect(hsm('status', ...here).out).toBe(before);
  expect(before).toMatch(/^root +open\n/);
});

test('shares, a quorum of operators, seal and unseal', async () => {
  const added = hsm('add-recipient', 'board', '--shares', '2/3', '--share-dir', 'shares', '--yes', ...here);
  expect(added).toMatchObject({ code: 0, out: expect.stringContaining('recipient board added') as string });
  expect(statSync(join(scratch, shareFile(1))).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(scratch, shareFile(1)), 'utf8')).toMatch(
    /^# Keystead HSM, .*share 1 of 3\n(KS1|[0-9A-Z ])+\n/,
  );

  for (const name of ['ann', 'bob']) {
    expect(hsm('operator', 'new-key', `${name}.key`).code).toBe(0);
    const add = hsm('operator', 'add', name, '--role', 'officer', '--key', `${name}.key.pub`, '--yes', ...here);
    expect(add).toMatchObject({ code: 0, err: '' });
  }
  expect(hsm('rule', 'set', '*', '--role', 'officer', '--count', '2', '--yes', ...here).code).toBe(0);
  expect(hsm('operator', 'list', ...here).out).toMatch(/^ann {2}officer {2}[0-9a-f]{64}\nbob {2}officer/);
  expect(hsm('rule', 'list', ...here).out).toBe('*  2 of role officer\n');

  // Without signatures nothing happens but a file to sign.
  const alone = hsm('remove-recipient', 'key-file', '--yes', ...here);
  expect(alone).toMatchObject({ code: 2, out: expect.stringContaining('2 of role officer') as string });
  const [file = ''] = readdirSync(scratch).filter((name) => name.endsWith('.command'));
  const signature = (name: string): string => `${file}.${name}.sig`;
  const signed = hsm('sign', file, '--as', 'ann', '--key', 'ann.key', '--yes');
  expect(signed.out).toContain('remove-recipient');
  const go = (...names: string[]): Outcome =>
    hsm('remove-recipient', 'key-file', '--command', file, '--signature', ...names.map(signature), '--yes', ...here);
  expect(go('ann')).toMatchObject({ code: 1, err: expect.stringContaining('needs 2 signatures') as string });
  hsm('sign', file, '--as', 'bob', '--key', 'bob.key', '--yes');
  const other = hsm('backup', '--out', 'x', '--command', file, '--signature', signature('ann'), '--yes', ...here);
  expect(other).toMatchObject({ code: 1, err: expect.stringContaining('another command') as string });
  expect(go('ann', 'bob')).toMatchObject({ code: 0, out: expect.stringContaining('removed') as string });
  expect(go('ann', 'bob')).toMatchObject({ code: 1, err: expect.stringContaining('carried out before') as string });

  const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
  expect(hsm('seal', '--yes', ...here).out).toContain('the HSM is sealed');
  const Plaintext = Buffer.from('x');
  await expect(kms.send(new EncryptCommand({ KeyId: KeyMetadata?.KeyId, Plaintext }))).rejects.toMatchObject({
    name: 'KMSInternalException',
  });
  expect(hsm('unseal', ...here)).toMatchObject({ code: 1, err: expect.stringContaining('--share-file') as string });
  expect(hsm('unseal', '--share-file', shareFile(3), ...here).out).toMatch(/\n1 of 2 shares\n$/);
  expect(hsm('unseal', '--share-file', shareFile(1), ...here).out).toMatch(
    /^This opens the root.*\nthe root is open\n$/,
  );
  await kms.send(new EncryptCommand({ KeyId: KeyMetadata?.KeyId, Plaintext }));

  // kms-service fetches ceremonies for the log, so the newest may come a moment after its answer (ADR 26).
  const names = ['AddRecipient', 'AddOperator', 'SetRule', 'RemoveRecipient', 'SealRoot', 'UnsealRoot'];
  await vi.waitFor(() => expect(ceremoniesInLog()).toEqual(expect.arrayContaining(names)), {
    ...{ timeout: 30_000, interval: 500 },
  });
});

/** The names of all ceremonies that operators find in the log. */
function ceremoniesInLog(): string[] {
  const search = ['audit', 'search', ...here, '--source', 'hsm.keystead.internal'];
  const { stdout } = spawnSync(process.execPath, [cli, ...search], { encoding: 'utf8' });
  return [...stdout.matchAll(/ {2}hsm {2}(\w+) {2}/g)].map(([, name]) => name ?? '');
}

test('an empty machine opens the backup with shares alone, and old ciphertexts with it', async () => {
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
  const KeyId = KeyMetadata?.KeyId ?? '';
  const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId, Plaintext: Buffer.from('before the fire') }));
  const prepared = hsm('backup', '--out', 'root.backup', '--prepare', 'backup.command', ...here);
  expect(prepared.code).toBe(0);
  for (const name of ['ann', 'bob']) hsm('sign', 'backup.command', '--as', name, '--key', `${name}.key`, '--yes');
  const signatures = ['--signature', 'backup.command.ann.sig', 'backup.command.bob.sig'];
  const backup = hsm('backup', '--out', 'root.backup', '--command', 'backup.command', ...signatures, '--yes', ...here);
  expect(backup).toMatchObject({ code: 0, err: '' });
  const two = ['--share-file', shareFile(1), shareFile(2)];
  expect(hsm('verify', 'root.backup', ...two, ...here).out).toContain('opens by board');
  expect(hsm('verify', 'root.backup', ...two.slice(0, 2), ...here).code).toBe(1);
  await running.stop();

  // Another machine: the database comes from its own backup, of the root there is nothing.
  const saved = join(scratch, 'saved');
  const elsewhere = join(scratch, 'elsewhere');
  cpSync(data, saved, { recursive: true });
  for (const gone of ['root', 'secrets/root.key']) rmSync(join(saved, gone), { recursive: true });
  cpSync(saved, elsewhere, { recursive: true });
  expect(hsm('restore', 'root.backup', '--data', elsewhere, '--yes').out).toContain('--manual-unseal');
  expect(hsm('restore', 'root.backup', '--data', elsewhere, '--yes')).toMatchObject({
    ...{ code: 1, err: expect.stringContaining('holds a root already') as string },
  });
  const opening = opened(elsewhere, two);
  running = await startKeystead({ data: elsewhere, credentials: running.credentials, args: ['--manual-unseal'] });
  await opening;
  kms.destroy();
  kms = new KMSClient({ ...running.clientConfig, maxAttempts: 1 });
  const { Plaintext } = await kms.send(new DecryptCommand({ CiphertextBlob }));
  expect(Buffer.from(Plaintext ?? []).toString()).toBe('before the fire');
});

/** Runs `unseal` beside a start that waits for it, until it succeeds. */
async function opened(folder: string, secrets: readonly string[]): Promise<void> {
  for (;;) {
    const child: ChildProcess = spawn(process.execPath, [cli, 'hsm', 'unseal', '--data', folder, ...secrets], {
      ...{ cwd: scratch, stdio: 'ignore' },
    });
    const code = await new Promise((exited) => child.once('exit', exited));
    if (code === 0) return;
    await new Promise((later) => setTimeout(later, 500));
  }
}
