import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  CreateKeyCommand,
  DecryptCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  KMSClient,
} from '@aws-sdk/client-kms';
import { startKeystead, type StartedKeystead } from '@keystead/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { processTree, Scanner, scanProcess, type Secrets } from './scan.js';

/** How long a data key may be found after its use. */
const DATA_KEY_MS = 5_000;
/** A machine that is busy with other things may be late once; each attempt has keys of its own. */
const ATTEMPTS = 2;
const KEYS = 20;
const CALLERS = 8;
const callers = fileURLToPath(new URL('./callers.mjs', import.meta.url));

describe.skipIf(process.platform !== 'linux')('memory, five seconds after data keys were used', () => {
  let keystead: StartedKeystead;
  let kms: KMSClient;
  let KeyId: string;

  beforeAll(async () => {
    keystead = await startKeystead();
    kms = new KMSClient(keystead.clientConfig);
    KeyId = (await kms.send(new CreateKeyCommand({}))).KeyMetadata?.KeyId as string;
  }, 120_000);
  afterAll(async () => {
    kms.destroy();
    await keystead.stop();
  });

  async function useDataKeys(): Promise<Secrets> {
    const keys = new Map<string, Uint8Array>();
    for (let i = 0; i < KEYS; i++) {
      const { Plaintext, CiphertextBlob } = await kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }));
      await kms.send(new DecryptCommand({ CiphertextBlob }));
      keys.set(`data key ${i}`, Plaintext as Uint8Array);
    }
    return keys;
  }

  function found(secrets: Secrets): string[] {
    const scanner = new Scanner(secrets);
    const shared = new Set<string>();
    return processTree(keystead.pid).flatMap(({ pid, name }) =>
      [...scanProcess(pid, scanner, shared).keys()].map((one) => `${name}: ${one}`),
    );
  }

  /** What is left in the best of the attempts. */
  async function leftAfterUse(): Promise<string[]> {
    let left: string[] = [];
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const secrets = await useDataKeys();
      await sleep(DATA_KEY_MS);
      left = found(secrets);
      if (left.length === 0) break;
    }
    return left;
  }

  /** Calls without a pause, by a process of its own, while `work` goes on. Gives how many were answered meanwhile. */
  async function underLoad(
    what: { KEY_ID: string } | { CIPHERTEXT: string },
    work: () => Promise<void>,
  ): Promise<number> {
    const { endpoint, region, credentials } = keystead;
    const env = {
      ...{ PATH: process.env['PATH'], AWS_ENDPOINT_URL: endpoint, AWS_REGION: region },
      ...{ AWS_ACCESS_KEY_ID: credentials.accessKeyId, AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey },
      ...{ ...what, CALLERS: String(CALLERS) },
    };
    const child = spawn(process.execPath, [callers], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    let answered = 0;
    child.stdout.on('data', (dots: Buffer) => (answered += dots.length));
    await expect.poll(() => child.exitCode !== null || answered > CALLERS, { timeout: 20_000 }).toBe(true);
    const before = answered;
    try {
      await work();
      expect(child.exitCode).toBeNull();
      await expect.poll(() => answered, { timeout: 20_000 }).toBeGreaterThan(before);
    } finally {
      child.kill();
      await exited;
    }
    return answered - before;
  }

  test('the scan finds keys while they are used', { timeout: 60_000 }, async () => {
    const keys = await useDataKeys();
    const { CiphertextBlob } = await kms.send(
      new EncryptCommand({ KeyId, Plaintext: Buffer.concat([...keys.values()]) }),
    );
    let seen: string[] = [];
    await underLoad({ CIPHERTEXT: Buffer.from(CiphertextBlob as Uint8Array).toString('base64') }, async () => {
      for (let look = 0; look < 20 && seen.length === 0; look++) {
        await sleep(50);
        seen = found(keys);
      }
    });
    expect(seen).not.toEqual([]);
  });

  test('none is left in any process that has fallen quiet', { timeout: 120_000 }, async () => {
    expect(await leftAfterUse()).toEqual([]);
  });

  test('none is left in any process while other calls go on without a pause', { timeout: 180_000 }, async () => {
    let left: string[] = [];
    const answered = await underLoad({ KEY_ID: KeyId }, async () => {
      left = await leftAfterUse();
    });
    expect(answered).toBeGreaterThan(CALLERS);
    expect(left).toEqual([]);
  });
});
