import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import { request } from 'node:https';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateKeyCommand, DescribeKeyCommand, EncryptCommand, KMSClient, ListKeysCommand } from '@aws-sdk/client-kms';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { startKeystead, type StartedKeystead } from '@keystead/testing';
import { fourFreePorts, freePort } from '@keystead/testing/free-port';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

const scratch = mkdtempSync(join(tmpdir(), 'keystead-up-'));
const cli = fileURLToPath(new URL('../../../dist/cli/main.mjs', import.meta.url));
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function keystead(...args: string[]): { code: number | null; stderr: string; stdout: string } {
  const { status, stderr, stdout } = spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8', timeout: 60_000 });
  return { code: status, stderr, stdout };
}

/** The same beside servers of this process. */
async function keysteadBeside(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [cli, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, stderr };
}

const portInUse = (port: string): object => ({
  code: 1,
  stderr: `keystead: Port ${port} is in use: stop the program that has it, or choose other ports with --port.\n`,
});

/** Whether something listens at host:port. */
function listens(address: string): Promise<boolean> {
  const { hostname, port } = new URL(`tcp://${address}`);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port) }, () => resolve(true)).on('error', () =>
      resolve(false),
    );
    socket.once('connect', () => socket.destroy());
  });
}

/** The processes below a launcher, by the service they run. */
function services(launcher: number): Map<string, number> {
  const { stdout } = spawnSync('ps', ['--ppid', String(launcher), '-o', 'pid=,args='], { encoding: 'utf8' });
  const found = new Map<string, number>();
  for (const line of stdout.split('\n')) {
    const match = /^\s*(\d+) .*dist\/([a-z-]+)\/main\.mjs/.exec(line);
    if (match?.[2] !== undefined) found.set(match[2], Number(match[1]));
  }
  return found;
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('a running installation', () => {
  const data = join(scratch, 'data');
  let running: StartedKeystead;
  let kms: KMSClient;
  let keyId = '';

  beforeAll(async () => {
    running = await startKeystead({ data });
    kms = new KMSClient(running.clientConfig);
  });
  afterAll(async () => {
    kms.destroy();
    await running.stop();
  });

  test('the env file is all that a user needs, and only its owner reads the data folder', () => {
    const env = readFileSync(join(data, 'env'), 'utf8');
    for (const line of [
      `export AWS_ENDPOINT_URL=${running.endpoint}`,
      `export AWS_ACCESS_KEY_ID=${running.credentials.accessKeyId}`,
      'export AWS_REGION=us-east-1',
      'export AWS_DEFAULT_REGION=us-east-1',
    ]) {
      expect(env.split('\n')).toContain(line);
    }
    expect(env).toContain('export AWS_SECRET_ACCESS_KEY=');
    for (const path of ['', 'env', 'ca/ca.key', 'secrets/root.key'])
      expect(statSync(join(data, path)).mode & 0o077).toBe(0);
  });

  test('every service killed with kill -9 comes back, and nothing acknowledged is lost', async () => {
    const { KeyMetadata: key } = await kms.send(new CreateKeyCommand({ Description: 'kept' }));
    keyId = key?.KeyId ?? '';
    const before = services(running.pid);
    expect([...before.keys()].sort()).toEqual([
      'audit-service',
      'edge',
      'hsm-service',
      'iam-service',
      'kms-service',
      'object-store-gateway',
    ]);
    for (const pid of before.values()) process.kill(pid, 'SIGKILL');
    await expect
      .poll(
        () =>
          kms.send(new DescribeKeyCommand({ KeyId: keyId })).then(
            ({ KeyMetadata }) => KeyMetadata?.Description,
            () => '',
          ),
        {
          timeout: 20_000,
        },
      )
      .toBe('kept');
    await kms.send(new EncryptCommand({ KeyId: keyId, Plaintext: Buffer.from('x') }));
    expect(running.output()).toContain('kms-service ended (SIGKILL); starting it again');
  });

  test('operators make accounts and ask why a call was refused', async () => {
    const made = keystead('account', 'create', '111122223333', '--alias', 'payments', '--data', data);
    expect(made).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('account 111122223333 (payments)') as string,
    });
    expect(keystead('account', 'create', '111122223333', '--data', data)).toMatchObject({
      code: 1,
      stderr: 'keystead: The account 111122223333 already exists.\n',
    });
    const key = keystead('account', 'root-key', '111122223333', '--data', data, '--json');
    const credentials = JSON.parse(key.stdout) as StartedKeystead['credentials'];
    const other = new KMSClient({ ...running.clientConfig, credentials, maxAttempts: 1 });
    const { KeyMetadata: foreign } = await kms.send(new CreateKeyCommand({}));
    const refused = await other.send(new DescribeKeyCommand({ KeyId: foreign?.Arn })).catch((error: unknown) => error);
    const { requestId = '' } = (refused as { $metadata: { requestId?: string } }).$metadata;
    const explained = keystead('explain', '--request-id', requestId, '--data', data);
    expect(explained.stdout).toContain('DENIED because nothing allows it');
    expect(explained.stdout).toContain(`resource   ${foreign?.Arn}`);
    const principal = 'arn:aws:iam::000000000000:user/administrator';
    const asked = ['--principal', principal, '--action', 'kms:Encrypt', '--resource', foreign?.KeyId ?? ''];
    const { explanation } = JSON.parse(keystead('explain', ...asked, '--json', '--data', data).stdout) as {
      explanation: object;
    };
    expect(explanation).toMatchObject({ decision: 'Allow', decidedBy: 'identity' });
    expect(keystead('account', 'list', '--data', data).stdout).toMatch(
      /^000000000000 .*\n111122223333 {2}payments .*root keys: 1\n$/,
    );
    const rotated = keystead('account', 'root-key', '111122223333', '--rotate', '--data', data);
    expect(rotated.stdout).toContain(`# deleted ${credentials.accessKeyId}`);
    await expect(other.send(new ListKeysCommand({}))).rejects.toMatchObject({ name: 'UnrecognizedClientException' });
    other.destroy();
  });

  test('a second launcher on the same folder, or the same port, says why it does not start', () => {
    const { port } = new URL(running.endpoint);
    const sameFolder = keystead('up', '--data', data, '--port', String(Number(port) + 100));
    expect(sameFolder).toMatchObject({ code: 1 });
    expect(sameFolder.stderr).toMatch(/^keystead: Keystead already runs on .* \(process \d+\)/);
    expect(keystead('up', '--data', join(scratch, 'other'), '--port', port)).toMatchObject(portInUse(port));
  });

  test('a start that finds a port in use leaves nothing that was not there', () => {
    const { port } = new URL(running.endpoint);
    const fails = (folder: string): void =>
      expect(keystead('up', '--data', folder, '--port', port)).toMatchObject(portInUse(port));
    fails(join(scratch, 'not/there'));
    expect(existsSync(join(scratch, 'not'))).toBe(false);
    const empty = mkdtempSync(join(scratch, 'empty-'));
    fails(empty);
    expect(readdirSync(empty)).toEqual([]);
    const made = mkdtempSync(join(scratch, 'made-'));
    writeFileSync(join(made, 'version'), '1\n');
    fails(made);
    expect(readdirSync(made)).toEqual(['version']);
  });

  test('it stops in order in under ten seconds, leaves nothing running, and a second start finds everything', async () => {
    const pids = [
      running.pid,
      ...services(running.pid).values(),
      Number(readFileSync(join(data, 'postgres/data/postmaster.pid'), 'utf8').split('\n')[0]),
    ];
    const begun = Date.now();
    await running.stop();
    expect(Date.now() - begun).toBeLessThan(10_000);
    expect(pids.filter(alive)).toEqual([]);
    expect(existsSync(join(data, 'launcher.pid'))).toBe(false);

    kms.destroy();
    running = await startKeystead({ data, credentials: running.credentials });
    kms = new KMSClient(running.clientConfig);
    const { KeyMetadata: key } = await kms.send(new DescribeKeyCommand({ KeyId: keyId }));
    expect(key?.Description).toBe('kept');
  });

  test('reset forgets keys and objects in test mode', async () => {
    const s3 = new S3Client(running.clientConfig);
    await s3.send(new CreateBucketCommand({ Bucket: 'gone' }));
    await s3.send(new PutObjectCommand({ Bucket: 'gone', Key: 'k', Body: 'v' }));
    await running.reset();
    expect((await kms.send(new ListKeysCommand({}))).Keys).toEqual([]);
    await expect(s3.send(new GetObjectCommand({ Bucket: 'gone', Key: 'k' }))).rejects.toMatchObject({
      name: 'NoSuchBucket',
    });
    s3.destroy();
  });
});

test('with --tls the endpoint is HTTPS under the local CA', async () => {
  const data = join(scratch, 'tls');
  await using running = await startKeystead({ data, args: ['--tls'] });
  expect(running.endpoint).toMatch(/^https:/);
  const env = readFileSync(join(data, 'env'), 'utf8');
  const ca = readFileSync(/AWS_CA_BUNDLE=(.*)/.exec(env)?.[1] ?? '', 'utf8');
  const status = await new Promise((resolve, reject) => {
    request(`${running.endpoint}/_keystead/health`, { ca }, (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end();
  });
  expect(status).toBe(200);
  expect(env).toContain('NODE_EXTRA_CA_CERTS=');
});

describe('what cannot start says so in one sentence, with a non-zero exit', () => {
  test.each<[string, (folder: string) => void, string[], RegExp]>([
    [
      'a folder that is not ours',
      (folder) => writeFileSync(join(folder, 'notes.txt'), ''),
      [],
      /is not empty and no data folder/,
    ],
    [
      'a folder of another version',
      (folder) => writeFileSync(join(folder, 'version'), '99\n'),
      [],
      /has data of version 99, this release reads version 1/,
    ],
    ['--backend s3 without an endpoint', () => undefined, ['--backend', 's3'], /--backend s3 needs --s3-endpoint/],
    [
      'an S3 endpoint that is none',
      () => undefined,
      ['--backend', 's3', '--s3-endpoint', 'http://127.0.0.1:9000/bucket'],
      /--s3-endpoint must be http\(s\):\/\/host:port, not "http:\/\/127\.0\.0\.1:9000\/bucket"\./,
    ],
    [
      'a port that is none',
      () => undefined,
      ['--port', '99999'],
      /four ports in a row start at a number from 1 to 65532/,
    ],
    ['a port whose followers are none', () => undefined, ['--port', '65533'], /a number from 1 to 65532/],
    [
      'a folder that is a file',
      (folder) => writeFileSync(join(folder, 'file'), ''),
      ['--data', join(scratch, 'a-folder-that-is-a-file/file')],
      /file cannot be a data folder \(ENOTDIR\): name another with --data\./,
    ],
    [
      'a folder below a file',
      (folder) => writeFileSync(join(folder, 'file'), ''),
      ['--data', join(scratch, 'a-folder-below-a-file/file/data')],
      /data cannot be a data folder \(ENOTDIR\): name another with --data\./,
    ],
  ])('%s', (name, arrange, args, sentence) => {
    const folder = join(scratch, name.replaceAll(/\W/g, '-'));
    mkdirSync(folder);
    arrange(folder);
    const { code, stderr } = keystead('up', '--data', folder, ...args);
    expect(code).toBe(1);
    expect(stderr).toMatch(sentence);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});

describe('an object store that cannot be used', () => {
  const data = join(scratch, 'no-store');
  let store: StartedKeystead;
  let website: Server;

  beforeAll(async () => {
    // A real S3 store with real credentials: another Keystead.
    store = await startKeystead();
    website = createServer((_, response) => response.end('<!DOCTYPE html><p>Welcome!</p>'));
    await new Promise<void>((resolve) => website.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    website.close();
    await store.stop();
  });

  const locally = (port: number): string => `http://127.0.0.1:${port}`;
  const accessKeyId = (): string => store.credentials.accessKeyId;
  test.each<[string, () => [string, string] | Promise<[string, string]>, RegExp]>([
    [
      'nothing listens',
      async () => [locally(await freePort()), accessKeyId()],
      /: Nothing answers at http:\/\/127\.0\.0\.1:\d+ \(ECONNREFUSED\): start the object store, or name its right endpoint\.$/,
    ],
    [
      'a wrong secret',
      () => [store.s3Endpoint, accessKeyId()],
      /: The object store at http:\/\/127\.0\.0\.1:\d+ refuses the credentials \(SignatureDoesNotMatch\): correct KEYSTEAD_S3_ACCESS_KEY_ID and KEYSTEAD_S3_SECRET_ACCESS_KEY\.$/,
    ],
    [
      'an access key that is unknown',
      () => [store.s3Endpoint, 'AKIAAAAAAAAAAAAAAAAA'],
      /refuses the credentials \(InvalidAccessKeyId\)/,
    ],
    [
      'a website',
      () => [locally((website.address() as AddressInfo).port), accessKeyId()],
      /: What answers at http:\/\/127\.0\.0\.1:\d+ is no S3 store: name the endpoint of the store's S3 API, with the right scheme and port\.$/,
    ],
    [
      'HTTPS where HTTP is spoken',
      () => [store.s3Endpoint.replace('http:', 'https:'), accessKeyId()],
      /What answers at https:\/\/127\.0\.0\.1:\d+ is no S3 store \(EPROTO\)/,
    ],
  ])('%s: one sentence says what to do, and nothing is left running', async (_, given, sentence) => {
    const [endpoint, id] = await given();
    const port = await fourFreePorts();
    const args = ['up', '--data', data, '--port', String(port), '--backend', 's3', '--s3-endpoint', endpoint];
    const { code, stderr } = await keysteadBeside(args, {
      KEYSTEAD_S3_ACCESS_KEY_ID: id,
      KEYSTEAD_S3_SECRET_ACCESS_KEY: 'a-wrong-secret-that-nobody-may-see',
    });
    expect(code).toBe(1);
    expect(stderr.trimEnd().split('\n')).toEqual([expect.stringMatching(sentence)]);
    expect(stderr).not.toContain('a-wrong-secret');
    const { addresses } = JSON.parse(readFileSync(join(data, 'runtime.json'), 'utf8')) as {
      addresses: Record<string, string>;
    };
    for (const address of Object.values(addresses)) expect(await listens(address)).toBe(false);
    for (const left of ['launcher.pid', 'postgres/data/postmaster.pid', 'env'])
      expect(existsSync(join(data, left))).toBe(false);
  });
});

describe('a root that does not open by itself', () => {
  /** `keystead up` that waits; resolves when its output says `sentence`. */
  async function waiting(
    args: string[],
    { accessKeyId, secretAccessKey }: StartedKeystead['credentials'],
    sentence: RegExp,
  ): Promise<{ child: ChildProcess; output: () => string }> {
    const key = { KEYSTEAD_ADMIN_ACCESS_KEY_ID: accessKeyId, KEYSTEAD_ADMIN_SECRET_ACCESS_KEY: secretAccessKey };
    const env = { ...process.env, ...key };
    const child = spawn(process.execPath, [cli, 'up', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
    await expect.poll(() => child.exitCode !== null || sentence.test(text), { timeout: 60_000 }).toBe(true);
    expect(text).toMatch(sentence);
    return { child, output: () => text };
  }

  test('a wrong passphrase leaves it sealed; the launcher says what to do, waits, and goes on once it is open', async () => {
    const data = join(scratch, 'passphrase');
    const [right, wrong] = [join(scratch, 'phrase'), join(scratch, 'wrong-phrase')];
    writeFileSync(right, 'correct horse battery staple\n', { mode: 0o600 });
    writeFileSync(wrong, 'another\n', { mode: 0o600 });
    const first = await startKeystead({ data, args: ['--passphrase-file', right] });
    await first.stop();
    const args = ['--data', data, '--port', String(await fourFreePorts()), '--passphrase-file', wrong];
    const { child, output } = await waiting(args, first.credentials, /the HSM is sealed.*keystead hsm unseal --data/s);
    try {
      const refused = keystead('hsm', 'unseal', '--data', data, '--passphrase-file', wrong);
      expect(refused).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^keystead: The passphrase is not/) as string,
      });
      const opened = keystead('hsm', 'unseal', '--data', data, '--passphrase-file', right);
      expect(opened).toMatchObject({ code: 0, stdout: expect.stringContaining('the root is open') as string });
      await expect.poll(output, { timeout: 60_000 }).toMatch(/^ready after/m);
    } finally {
      const exited = new Promise((resolve) => child.once('exit', resolve));
      if (child.exitCode === null) child.kill('SIGTERM');
      if (child.exitCode === null) await exited;
    }
  });
});
