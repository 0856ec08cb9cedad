import { execFileSync } from 'node:child_process';
import { constants, publicEncrypt, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateKeyCommand,
  DecryptCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GetParametersForImportCommand,
  ImportKeyMaterialCommand,
  KMSClient,
} from '@aws-sdk/client-kms';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { startKeystead, type StartedKeystead } from '@keystead/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { segmentKeys } from '../../../../libs/crypto/src/stream/keys.js';
import { kdfCounter } from '../../../../libs/crypto/src/hash.js';
import { OBJECT_V1, SALT_SIZE, segmentContext } from '../../../../libs/crypto/src/stream.js';
import { blobMaterialId, openBlob } from '../../src/domain/blob.js';
import { DomainKeys } from '../../src/domain/domain-keys.js';
import { unwrapSecret } from '../../src/domain/key-wrap.js';
import { openRoot, parseRoot } from '../../src/domain/root-file.js';
import { parseToken, TOKEN_OVERHEAD } from '../../src/domain/token.js';
import { filesIn, processTree, scanFile, scanFolder, Scanner, scanProcess, type Secrets } from './scan.js';

type Findings = Map<string, number>;

/** How long a data key may be found after its use. */
const DATA_KEY_MS = 5_000;
/** Each is put once and read once. */
const OBJECTS = 20;

describe.skipIf(process.platform !== 'linux')('memory, files and logs', () => {
  let keystead: StartedKeystead;
  let kms: KMSClient;
  let s3: S3Client;
  let secrets: { long: Secrets; dataKeys: Secrets };
  /** By process. */
  const inMemory = new Map<string, Findings>();

  beforeAll(async () => {
    keystead = await startKeystead();
    kms = new KMSClient(keystead.clientConfig);
    s3 = new S3Client({ ...keystead.clientConfig, forcePathStyle: true });
    secrets = await work();
    await sleep(DATA_KEY_MS);
    for (const [name, found] of scanned(new Map([...secrets.long, ...secrets.dataKeys]))) inMemory.set(name, found);
  }, 240_000);
  afterAll(async () => {
    kms.destroy();
    s3.destroy();
    await keystead.stop();
  });

  /** What is found in each process, the HSM first: what it has unwrapped stays for less than a minute. */
  function scanned(wanted: Secrets): Map<string, Findings> {
    const all = new Map<string, Findings>();
    const scanner = new Scanner(wanted);
    const tree = processTree(keystead.pid).sort(
      (a, b) => Number(b.name === 'hsm-service') - Number(a.name === 'hsm-service'),
    );
    const shared = new Set<string>();
    for (const { pid, name } of tree)
      all.set(name, new Map([...(all.get(name) ?? []), ...scanProcess(pid, scanner, shared)]));
    return all;
  }

  /** Uses keys of every kind; what they are made of is known to us by what we chose, were told, or open ourselves. */
  async function work(): Promise<{ long: Secrets; dataKeys: Secrets }> {
    const imported = randomBytes(32);
    const keyId = await importKey(imported);
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    const dataKeys = new Map<string, Uint8Array>();
    for (const id of [keyId, KeyMetadata?.KeyId as string]) {
      for (let i = 0; i < 20; i++) {
        const made = await kms.send(new GenerateDataKeyCommand({ KeyId: id, KeySpec: 'AES_256' }));
        dataKeys.set(`data key ${dataKeys.size}`, made.Plaintext as Uint8Array);
        if (i % 2 === 0) await kms.send(new DecryptCommand({ CiphertextBlob: made.CiphertextBlob }));
      }
      const plaintext = randomBytes(32);
      await kms.send(new EncryptCommand({ KeyId: id, Plaintext: plaintext }));
      dataKeys.set(`plaintext ${dataKeys.size}`, plaintext);
      // grpc-js keeps the last message of a stream until the next one: one without a secret.
      await kms.send(new EncryptCommand({ KeyId: id, Plaintext: Buffer.from('no secret') }));
    }
    await useObjects(KeyMetadata?.KeyId as string);
    const backing = backingKeys();
    for (const [name, key] of objectKeys(backing)) dataKeys.set(name, key);
    return { long: new Map([['imported material', imported], ...rootSecrets(), ...backing]), dataKeys };
  }

  async function importKey(material: Buffer): Promise<string> {
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({ Origin: 'EXTERNAL' }));
    const KeyId = KeyMetadata?.KeyId as string;
    const { PublicKey, ImportToken } = await kms.send(
      new GetParametersForImportCommand({
        ...{ KeyId, WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' },
      }),
    );
    const key = { key: Buffer.from(PublicKey as Uint8Array), format: 'der', type: 'spki' } as const;
    const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
    const EncryptedKeyMaterial = publicEncrypt({ ...key, ...padding }, material);
    const ExpirationModel = 'KEY_MATERIAL_DOES_NOT_EXPIRE';
    await kms.send(new ImportKeyMaterialCommand({ KeyId, ImportToken, EncryptedKeyMaterial, ExpirationModel }));
    return KeyId;
  }

  /** The last calls are those for objects: no other message comes after that of the last data key. */
  async function useObjects(keyId: string): Promise<void> {
    const Bucket = 'memory';
    await s3.send(new CreateBucketCommand({ Bucket }));
    const places = Array.from({ length: OBJECTS }, (_, i) => ({ Bucket, Key: `object-${i}` }));
    const ofTheObject = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: keyId } as const;
    const ways = [ofTheObject, { ...ofTheObject, BucketKeyEnabled: true }, {}];
    for (const [n, at] of places.entries())
      await s3.send(new PutObjectCommand({ ...at, ...ways[n % ways.length], Body: randomBytes(100_000) }));
    for (const at of places) {
      const { Body } = await s3.send(new GetObjectCommand(at));
      await Body?.transformToByteArray();
    }
  }

  /** The data keys of objects and what was derived of them. Opened here, since asking Keystead would leave new copies. */
  function objectKeys(backing: readonly [string, Uint8Array][]): [string, Uint8Array][] {
    const found = filesIn(join(keystead.data, 'objects')).flatMap((file): [string, Uint8Array][] => {
      const { bucket, key, encryption, segments } = recordIn(readFileSync(file, 'latin1'));
      const { wrappedKey, context, keySalt } = encryption;
      const opened = openedBy(backing, Buffer.from(wrappedKey, 'base64'), context);
      const dataKey = keySalt === undefined ? opened : objectKey(opened, keySalt, `arn:aws:s3:::${bucket}/${key}`);
      const salt = Buffer.from(segments[0]?.header ?? '', 'hex').subarray(0, SALT_SIZE);
      const { key: derived } = segmentKeys(OBJECT_V1, dataKey, salt, segmentContext({ bucket, key }));
      return [
        [`key that KMS wrapped for ${key}`, opened],
        [`data key of ${key}`, dataKey],
        [`segment key of ${key}`, derived],
      ];
    });
    expect(found).toHaveLength(3 * OBJECTS);
    return found;
  }

  function rootSecrets(): [string, Uint8Array][] {
    const [keyFile, rws, { domainKeys }] = openedRoot();
    const named = domainKeys.map(({ epoch, key }): [string, Uint8Array] => [`domain key ${epoch}`, key]);
    return [['key file', keyFile], ['root wrapping secret', rws], ...named];
  }

  function openedRoot(): [Buffer, Buffer, ReturnType<typeof openRoot>] {
    const keyFile = readFileSync(join(keystead.data, 'secrets/root.key'));
    const files = filesIn(join(keystead.data, 'root')).sort();
    const root = parseRoot(readFileSync(files.at(-1) as string));
    const body = root.header.recipients[0]?.body as Buffer;
    const rws = unwrapSecret(keyFile, body) as Buffer;
    return [keyFile, rws, openRoot(root, rws)];
  }

  /** Every token that the database's files hold, opened by the domain keys. */
  function backingKeys(): [string, Uint8Array][] {
    const [, , { domainKeys }] = openedRoot();
    const found = new Map<string, Uint8Array>();
    for (const file of filesIn(join(keystead.data, 'postgres'))) {
      const bytes = readFileSync(file);
      for (let at = bytes.indexOf('KST1\u0001'); at >= 0; at = bytes.indexOf('KST1\u0001', at + 1)) {
        const token = Buffer.from(bytes.subarray(at, at + TOKEN_OVERHEAD + 32));
        const material = opened(domainKeys, token);
        if (material) found.set(material.toString('hex'), material);
      }
    }
    return [...found.values()].map((material, i) => [`backing key ${i}`, material]);
  }

  function opened(domainKeys: ConstructorParameters<typeof DomainKeys>[1], bytes: Buffer): Buffer | undefined {
    try {
      const token = parseToken(bytes);
      return new DomainKeys(token.header.domain, domainKeys).open(token);
    } catch {
      return undefined; // torn in a page, or of another length
    }
  }

  test('the scan finds what is there', () => {
    const found = inMemory.get('hsm-service') as Findings;
    expect(found.get('domain key 1')).toBeGreaterThanOrEqual(1);
    expect([...found.keys()].some((name) => name.startsWith('backing key'))).toBe(true);
    const keyFile = new Map([['key file', secrets.long.get('key file') as Uint8Array]]);
    expect(scanFolder(join(keystead.data, 'secrets'), new Scanner(keyFile)).get('key file')).toBe(1);
  });

  test('no core file holds memory, and no signal starts the inspector', async () => {
    for (const { pid, name } of processTree(keystead.pid)) {
      if (inMemory.has(name) && name.endsWith('-service'))
        expect(readFileSync(`/proc/${pid}/coredump_filter`, 'utf8').trim()).toBe('00000000');
      if (name === 'hsm-service') process.kill(pid, 'SIGUSR1');
    }
    await vi.waitFor(() => expect(hsmLog()).toContain('the inspector stays off'), 5_000);
    expect(hsmLog()).not.toContain('Debugger listening');
  });

  const hsmLog = (): string => readFileSync(join(keystead.data, 'logs/hsm-service.log'), 'utf8');

  test('keys of the HSM are nowhere else', () => {
    expect(secrets.long.size).toBeGreaterThanOrEqual(1 + 3 + 2);
    expect([...inMemory.keys()]).toEqual(
      expect.arrayContaining(['launcher', 'audit-service', 'kms-service', 'iam-service', 'edge', 'postgres']),
    );
    for (const [name, found] of inMemory)
      if (name !== 'hsm-service') expect([name, ...only(found, secrets.long)]).toEqual([name]);
  });

  test('data keys are gone five seconds after their use, everywhere', { timeout: 120_000 }, async () => {
    let left = dataKeysIn(inMemory, secrets.dataKeys);
    // A machine that is busy with other things may be late once.
    if (left.length > 0) {
      const { dataKeys } = await work();
      await sleep(DATA_KEY_MS);
      left = dataKeysIn(scanned(dataKeys), dataKeys);
    }
    expect(left).toEqual([]);
  });

  test('database, objects, logs and settings hold none of them', () => {
    const scanner = new Scanner(
      new Map([...secrets.long, ...secrets.dataKeys].filter(([name]) => name !== 'key file')),
    );
    expect([...scanFolder(keystead.data, scanner)]).toEqual([]);
  });

  // The last one: it ends hsm-service.
  test('a core file that a crash leaves, although somebody allowed it, holds none of them', async (context) => {
    if (/^[|/]/.test(readFileSync('/proc/sys/kernel/core_pattern', 'utf8')))
      context.skip('needs a machine that writes core files beside the process');
    const { pid } = processTree(keystead.pid).find(({ name }) => name === 'hsm-service') as { pid: number };
    const folder = readlinkSync(`/proc/${pid}/cwd`);
    const cores = (): string[] => readdirSync(folder).filter((name) => /^core(\.\d+)?$/.test(name));
    const before = new Set(cores());
    execFileSync('prlimit', ['--pid', String(pid), '--core=unlimited']);
    process.kill(pid, 'SIGABRT');
    const core = await vi.waitFor(() => join(folder, cores().find((name) => !before.has(name)) ?? fail()), 10_000);
    await sleep(500); // the kernel writes it to its end
    const found = scanFile(core, new Scanner(new Map([...secrets.long, ...secrets.dataKeys])));
    rmSync(core);
    expect([...found]).toEqual([]);
  });
});

function dataKeysIn(found: Map<string, Findings>, dataKeys: Secrets): string[] {
  return [...found].flatMap(([name, there]) => only(there, dataKeys).map((one) => `${name}: ${one}`));
}

function fail(): never {
  throw new Error('there is no core file yet');
}

/** What lies beside an object for whoever has to decrypt it; binary in base64 and hex. */
interface ObjectRecord {
  readonly bucket: string;
  readonly key: string;
  readonly encryption: {
    readonly wrappedKey: string;
    readonly context: Readonly<Record<string, string>>;
    /** Only under a bucket key. */
    readonly keySalt?: string;
  };
  readonly segments: readonly { readonly header: string }[];
}

/** The record that lies behind an object's sealed bytes. */
function recordIn(file: string): ObjectRecord {
  const at = file.lastIndexOf('{"version":1,');
  return JSON.parse(file.slice(at, file.lastIndexOf(']}') + 2)) as ObjectRecord;
}

function objectKey(bucketKey: Buffer, salt: string, arn: string): Buffer {
  const context = Buffer.concat([Buffer.from(salt, 'base64'), Buffer.from(arn)]);
  return kdfCounter(bucketKey, 'keystead/v1/object', context, 32);
}

function openedBy(
  backing: readonly [string, Uint8Array][],
  blob: Buffer,
  context: Readonly<Record<string, string>>,
): Buffer {
  for (const [, material] of backing) {
    try {
      return openBlob(material, blobMaterialId(blob), blob, { ...context });
    } catch {
      // of another key
    }
  }
  throw new Error('no backing key opens this data key');
}

/** The findings that are of these secrets. */
function only(found: Findings, secrets: Secrets): string[] {
  return [...found.keys()].filter((name) => secrets.has(name.replace(/ in (base64|hex)$/, '')));
}
