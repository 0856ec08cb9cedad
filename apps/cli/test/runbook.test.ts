import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateKeyCommand, DecryptCommand, EncryptCommand, KMSClient } from '@aws-sdk/client-kms';
import { openPool } from '@keystead/db';
import { startKeystead, type StartedKeystead } from '@keystead/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { tokenIn } from './soft-token.js';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const home = fileURLToPath(new URL('../../..', import.meta.url));
const cli = join(home, 'dist/cli/main.mjs');
const scratch = mkdtempSync(join(tmpdir(), 'keystead-runbook-'));
const elsewhere = join(scratch, 'srv');
const softHsm = tokenIn(scratch);

/** The lines of the runbook's blocks that do something, in their order. */
const written = Array.from(readFileSync(join(home, 'docs/runbook.md'), 'utf8').matchAll(/```\n(.*?)```/gs)).flatMap(
  ([, block = '']) => block.trim().split('\n'),
);
const carriedOut = new Set<string>();

let running: StartedKeystead;
let kms: KMSClient;

beforeAll(async () => {
  running = await startKeystead({ data: join(scratch, '.keystead'), env: softHsm ?? {} });
  kms = new KMSClient({ ...running.clientConfig, maxAttempts: 20 });
});
afterAll(async () => {
  kms.destroy();
  await running.stop();
  rmSync(scratch, { recursive: true, force: true });
});

interface Outcome {
  readonly code: number | null;
  readonly out: string;
}

const noQuestions = /^keystead hsm (status|verify|unseal|operator (new-key|list)|rule list)/;

function shell(line: string): Outcome {
  const { status, stdout, stderr } = spawnSync('bash', ['-c', `keystead() { node ${cli} "$@"; }; ${line}`], {
    ...{ cwd: scratch, encoding: 'utf8', timeout: 120_000 },
  });
  return { code: status, out: stdout + stderr };
}

/** Carries out one line of the runbook, as a script does: without questions. */
function run(line: string): Outcome {
  expect(written).toContain(line);
  carriedOut.add(line);
  return shell(`${line.replace('/srv/keystead', elsewhere)}${noQuestions.test(line) ? '' : ' --yes'}`);
}

function succeed(...lines: string[]): void {
  for (const line of lines) expect([line, run(line)]).toMatchObject([line, { code: 0 }]);
}

/** Answers the questions of a command at a terminal: each answer is given when its question is there. */
function atTerminal(line: string, answers: readonly (readonly [question: string, answer: string])[]): Promise<Outcome> {
  const child = spawn('script', ['-qec', `bash -c 'node ${cli} ${line}'`, '/dev/null'], { cwd: scratch });
  let [out, seen] = ['', 0];
  const left = [...answers];
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    const [next] = left;
    const at = next ? out.indexOf(next[0], seen) : -1;
    if (!next || at < 0) return;
    seen = at + next[0].length;
    left.shift();
    // The terminal is asked for the answer a moment after the question is printed.
    setTimeout(() => child.stdin.write(`${next[1]}\n`), 300);
  });
  return new Promise((done) => child.once('exit', (code) => done({ code, out })));
}

const shareIn = (file: string): string =>
  readFileSync(join(scratch, file), 'utf8')
    .split('\n')
    .filter((row) => !row.startsWith('#'))
    .join('');

test('first day, backup and rotation', async () => {
  succeed(
    'keystead hsm status',
    'keystead hsm add-recipient board --shares 2/3 --share-dir shares',
    'keystead hsm backup --out root.backup',
    'keystead hsm verify root.backup --share-file shares/board-1.share shares/board-2.share',
    'keystead hsm remove-recipient key-file',
    'keystead hsm backup --out root-2.backup',
  );
  for (const n of [1, 2, 3]) copyFileSync(join(scratch, `shares/board-${n}.share`), join(scratch, `board-${n}.share`));
  rmSync(join(scratch, 'root.backup'));
  const rotated = run('keystead hsm rotate-domain-key');
  expect(rotated.out).toMatch(/epoch 2 is made\n(.*\n)*epoch 2 is active, and every token is under it\n$/);
  succeed(
    'keystead hsm backup --out root.backup',
    'keystead hsm verify root.backup --share-file board-1.share board-2.share',
  );
});

test('at a terminal: nothing without yes, shares are not shown, and custodians give them one by one', async () => {
  const no = await atTerminal('hsm seal', [['Type yes to go on: ', 'no']]);
  expect(no).toMatchObject({ code: 1, out: expect.stringContaining('Nothing was done.') as string });
  expect(run('keystead hsm status').out).toMatch(/^root +open\n/);
  carriedOut.add('keystead hsm seal');
  expect(await atTerminal('hsm seal', [['Type yes to go on: ', 'yes']])).toMatchObject({
    ...{ code: 0, out: expect.stringContaining('the HSM is sealed') as string },
  });
  carriedOut.add('keystead hsm unseal');
  const question = 'A share (not shown): ';
  const opened = await atTerminal('hsm unseal', [
    [question, shareIn('board-2.share')],
    [question, shareIn('board-3.share')],
  ]);
  expect(opened).toMatchObject({ code: 0, out: expect.stringContaining('the root is open') as string });
  expect(opened.out).toContain('1 of 2 shares');
  expect(opened.out).not.toContain(shareIn('board-2.share').slice(0, 12));
  shell('keystead hsm seal --yes');
  expect(run('keystead hsm unseal --share-file board-1.share board-3.share').out).toContain('the root is open');
});

test('a device opens the root', (context) => {
  const lines = [
    'keystead hsm add-recipient vault --device',
    'keystead hsm backup --out root.backup',
    'keystead hsm verify root.backup --device',
    'keystead hsm unseal --device',
  ];
  if (!softHsm) {
    for (const line of lines) carriedOut.add(line);
    context.skip('needs SoftHSM2 and pkcs11js');
  }
  rmSync(join(scratch, 'root.backup'));
  succeed(...lines.slice(0, 3));
  expect(run('keystead hsm status').out).toMatch(/recipient +vault PKCS11 token \w{16}\n/);
  shell('keystead hsm seal --yes');
  expect(run(lines[3] as string)).toMatchObject({ code: 0 });
  expect(shell('keystead hsm remove-recipient vault --yes')).toMatchObject({ code: 0 });
});

test('restore on an empty machine, from the backup and the shares alone', async () => {
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
  const { CiphertextBlob } = await kms.send(
    new EncryptCommand({ KeyId: KeyMetadata?.KeyId, Plaintext: Buffer.from('before the fire') }),
  );
  rmSync(join(scratch, 'root.backup'), { force: true });
  succeed('keystead hsm backup --out root.backup');
  // kms-service looks at the root now and then, and keeps a newer one.
  const backup = readFileSync(join(scratch, 'root.backup'));
  await vi.waitFor(async () => expect(backup.equals(await keptRoot(running.data))).toBe(true), 20_000);
  carriedOut.add(written.find((line) => line.startsWith('psql ')) ?? '');
  const { credentials } = running;
  await running.stop();
  // The database comes from its own backup; of the root there is nothing.
  cpSync(running.data, elsewhere, { recursive: true });
  for (const gone of ['root', 'secrets/root.key']) rmSync(join(elsewhere, gone), { recursive: true });
  rmSync(running.data, { recursive: true });
  succeed('keystead hsm restore root.backup --data /srv/keystead');
  const opening = untilOpen('keystead hsm unseal --data /srv/keystead --share-file board-1.share board-2.share');
  carriedOut.add('npm start -- --data /srv/keystead --manual-unseal');
  running = await startKeystead({
    ...{ data: elsewhere, credentials, env: softHsm ?? {}, args: ['--manual-unseal'] },
  });
  await opening;
  kms.destroy();
  kms = new KMSClient({ ...running.clientConfig, maxAttempts: 20 });
  const { Plaintext } = await kms.send(new DecryptCommand({ CiphertextBlob }));
  expect(Buffer.from(Plaintext ?? []).toString()).toBe('before the fire');
  await vi.waitFor(() => {
    const log = shell(`keystead audit search --data ${elsewhere} --source hsm.keystead.internal`).out;
    for (const event of [
      'RestoreRoot',
      'RotateDomainKey',
      'BackupRoot',
      'UnsealRoot',
      'AddRecipient',
      'VerifyRootFile',
    ])
      expect(log).toContain(`  hsm  ${event}  `);
  }, 20_000);
  // The rest of the page speaks of the folder where it was.
  shell(`ln -s ${elsewhere} ${join(scratch, '.keystead')}`);
});

test('lost shares, and M of N operators who come and go', () => {
  rmSync(join(scratch, 'root.backup'));
  succeed(
    'keystead hsm add-recipient board-2027 --shares 2/3 --share-dir new-shares',
    'keystead hsm remove-recipient board',
    'keystead hsm backup --out root.backup',
  );
  rmSync(join(scratch, 'root.backup'));
  for (const name of ['bob', 'eve', 'zoe']) expect(shell(`keystead hsm operator new-key ${name}.key`).code).toBe(0);
  succeed('keystead hsm operator new-key ann.key', 'keystead hsm operator add ann --role officer --key ann.key.pub');
  succeed('keystead hsm operator add bob --role officer --key bob.key.pub');
  expect(shell('keystead hsm operator add zoe --role officer --key zoe.key.pub --yes').code).toBe(0);
  succeed(
    "keystead hsm rule set '*' --role officer --count 2",
    'keystead hsm backup --out root.backup --prepare backup.command',
    'keystead hsm sign backup.command --as ann --key ann.key',
    'keystead hsm sign backup.command --as bob --key bob.key',
    'keystead hsm backup --out root.backup --command backup.command --signature backup.command.ann.sig backup.command.bob.sig',
  );
  for (const line of [
    'keystead hsm operator remove bob',
    'keystead hsm operator add eve --role officer --key eve.key.pub',
  ])
    signed(line, ['ann', 'zoe']);
  expect(shell('keystead hsm operator list').out).toMatch(/^ann .*\nzoe .*\neve /);
});

test('no line of the runbook was left out', () => {
  expect(written.filter((line) => !carriedOut.has(line))).toEqual([]);
  expect(written.length).toBeGreaterThan(25);
});

/** A line that the rules cover: it writes a command, operators sign, and it is given again. */
function signed(line: string, names: readonly string[]): void {
  const first = run(line);
  expect(first).toMatchObject({ code: 2 });
  const file = /the command is in (\S+\.command)/.exec(first.out)?.[1] ?? '';
  const signatures = names.map((name) => {
    expect(shell(`keystead hsm sign ${file} --as ${name} --key ${name}.key --yes`)).toMatchObject({ code: 0 });
    return `${file}.${name}.sig`;
  });
  const again = shell(`${line} --command ${file} --signature ${signatures.join(' ')} --yes`);
  expect([line, again]).toMatchObject([line, { code: 0 }]);
}

/** Runs a line beside a start that waits for it, until it succeeds. */
async function untilOpen(line: string): Promise<void> {
  carriedOut.add(line);
  for (;;) {
    const child = spawn('bash', ['-c', `node ${cli} ${line.replace('/srv/keystead', elsewhere).slice(9)}`], {
      ...{ cwd: scratch, stdio: 'ignore' },
    });
    if ((await new Promise((exited) => child.once('exit', exited))) === 0) return;
    await new Promise((later) => setTimeout(later, 500));
  }
}

/** The psql line: the root that kms-service keeps. */
async function keptRoot(data: string): Promise<Buffer> {
  // The fourth line of PostgreSQL's own file is its port.
  const port = Number(readFileSync(join(data, 'postgres/data/postmaster.pid'), 'utf8').split('\n')[3]);
  await using pool = openPool({
    url: `postgresql://keystead_kms@127.0.0.1:${port}/keystead`,
    ...{ passwordFile: join(data, 'secrets/kms-service.database-password'), schema: 'kms' },
  });
  const query = /"(.*)"/.exec(written.find((line) => line.startsWith('psql ')) ?? '')?.[1] ?? '';
  const { rows } = await pool.query<{ encode: string }>(query);
  return Buffer.from(rows[0]?.encode ?? '', 'base64');
}
