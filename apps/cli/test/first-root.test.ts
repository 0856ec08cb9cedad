import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GenerateRandomCommand, KMSClient } from '@aws-sdk/client-kms';
import { startKeystead } from '@keystead/testing';
import { afterAll, expect, test, vi } from 'vitest';
import { tokenIn } from './soft-token.js';

vi.setConfig({ testTimeout: 180_000 });

const scratch = mkdtempSync(join(tmpdir(), 'keystead-first-root-'));
const cli = fileURLToPath(new URL('../../../dist/cli/main.mjs', import.meta.url));
const softHsm = tokenIn(scratch);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const hsm = (data: string, ...args: string[]): { code: number | null; out: string } => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, 'hsm', ...args, '--data', data], {
    ...{ cwd: scratch, encoding: 'utf8', timeout: 60_000 },
  });
  return { code: status, out: stdout + stderr };
};

/** Runs a ceremony beside a start that waits for it, until it succeeds. */
async function beside(data: string, ...args: string[]): Promise<void> {
  for (;;) {
    const child = spawn(process.execPath, [cli, 'hsm', ...args, '--data', data], { cwd: scratch, stdio: 'ignore' });
    if ((await new Promise((exited) => child.once('exit', exited))) === 0) return;
    await new Promise((later) => setTimeout(later, 500));
  }
}

async function works(running: Awaited<ReturnType<typeof startKeystead>>): Promise<void> {
  const kms = new KMSClient({ ...running.clientConfig, maxAttempts: 10 });
  await kms.send(new GenerateRandomCommand({ NumberOfBytes: 16 })).finally(() => kms.destroy());
}

test('an empty folder: the start waits for `hsm init`, and no secret of the root is on the disk', async () => {
  const data = join(scratch, 'by-shares');
  const making = beside(data, 'init', '--shares', '2/3', '--share-dir', 'shares', '--yes');
  await using running = await startKeystead({ data, args: ['--manual-unseal'] });
  await making;
  expect(readdirSync(join(scratch, 'shares'))).toHaveLength(3);
  expect(existsSync(join(data, 'secrets/root.key'))).toBe(false);
  expect(hsm(data, 'status').out).toMatch(/^root +open\n[^]*recipient +first SHAMIR 2 of 3/);
  expect(hsm(data, 'init', '--shares', '2/3', '--yes')).toMatchObject({
    ...{ code: 1, out: expect.stringContaining('There is a root already') as string },
  });
  await works(running);
});

test('an empty folder: the device makes the first root and opens it, without a key file', async (context) => {
  if (!softHsm) context.skip('needs SoftHSM2 and pkcs11js');
  const data = join(scratch, 'by-device');
  await using running = await startKeystead({
    data,
    env: { ...softHsm, KEYSTEAD_DOMAIN_KEYS: 'device' },
    args: ['--device'],
  });
  expect(existsSync(join(data, 'secrets/root.key'))).toBe(false);
  expect(hsm(data, 'status').out).toMatch(/^root +open\n[^]*recipient +device PKCS11 token \w{16}\n/);
  expect(hsm(data, 'seal', '--yes').code).toBe(0);
  expect(hsm(data, 'unseal').out).toContain('with the PKCS#11 device of hsm-service');
  await works(running);
});
