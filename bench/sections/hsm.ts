import { createCipheriv, generateKeyPairSync, constants, randomBytes, sign } from 'node:crypto';
import { join } from 'node:path';
import { kdfCounter } from '@keystead/crypto/hash';
import { KeySpec, KeyUsage, MessageType, SigningAlgorithm, type KeyReference } from '@keystead/proto/hsm';
import type { Lab } from '../lab.js';
import { closedLoop, type Sample } from '../load/closed-loop.js';
import { type Cell, interleave, type Measured } from '../load/interleave.js';
import { type Outcome, reach } from '../report/outcome.js';
import { figure } from '../report/table.js';
import { startHsm, type Hsm } from '../system/hsm.js';

const account = '000000000000';
const callers = 64;
const plaintext = randomBytes(1024);
const message = randomBytes(256);
/** Issue 4: Encrypt and Decrypt may cost this much over bare KDF and GCM, signatures this many times the bare ones. */
const overBareMicros = 25;
const timesBare = 1.3;
const timesAlone = 3;

interface Operation {
  readonly name: string;
  /** Through hsm-service. */
  readonly ask: () => Promise<unknown>;
  /** The same cryptography in this process, keys parsed before. */
  readonly bare: () => unknown;
  readonly limit: (bare: number) => number;
}

/** hsm-service alone, with 64 calls in flight on one stream, beside the bare operation in this process. */
export async function hsm(lab: Lab): Promise<Outcome> {
  const service = await startHsm(join(lab.folder, 'hsm'));
  lab.onClose(() => service.stop());
  const operations = await prepare(service);
  const cells = operations.map(({ name, ask }) =>
    cell(name, service.pid, (seconds) => closedLoop(callers, seconds, ask)),
  );
  lab.progress('bare operations, before');
  const before = operations.map(({ bare }) => bareMicros(bare));
  const measured = await interleave(cells, lab);
  lab.progress('bare operations, after');
  const bare = operations.map((operation, n) => Math.min(before[n] ?? NaN, bareMicros(operation.bare)));
  const p99 = await decryptUnderKeyGeneration(lab, service, operations);
  const rows = operations.map(({ name }, n) => row(name, measured[n], bare[n] ?? NaN));
  return {
    tables: [
      {
        title: `hsm-service alone, ${callers} calls in flight`,
        columns: ['', 'CPU µs', 'bare µs', 'over bare', 'times bare', 'calls/s', 'p50 ms', 'p99 ms'],
        rows,
        notes: [
          `p99 of Decrypt alone ${figure(p99.alone)} ms, while RSA-4096 keys are made two at a time ${figure(p99.busy)} ms.`,
        ],
      },
    ],
    reaches: [
      ...operations.map(({ name, limit }, n) =>
        reach(
          `hsm-service, ${name}: CPU`,
          measured[n]?.cpuMicros ?? NaN,
          { atMost: Math.round(10 * limit(bare[n] ?? NaN)) / 10 },
          ' µs',
        ),
      ),
      reach('hsm-service, p99 of Decrypt under RSA-4096 key generation over alone', p99.busy / p99.alone, {
        atMost: timesAlone,
      }),
    ],
    skipped: [],
    figures: { measured, bare, p99 },
  };
}

function row(name: string, measured: Measured | undefined, bare: number): string[] {
  const { cpuMicros = NaN, perSecond = NaN, p50 = NaN, p99 = NaN } = measured ?? {};
  return [
    name,
    ...[cpuMicros, bare, cpuMicros - bare].map(figure),
    (cpuMicros / bare).toFixed(2),
    ...[perSecond, p50, p99].map(figure),
  ];
}

function cell(name: string, pid: number, run: (seconds: number) => Promise<Sample>): Cell {
  return { name, roots: [pid], open: () => Promise.resolve({ run, close: () => undefined }) };
}

async function prepare(service: Hsm): Promise<Operation[]> {
  const symmetric = await newKey(service, KeySpec.KEY_SPEC_SYMMETRIC_DEFAULT, KeyUsage.KEY_USAGE_ENCRYPT_DECRYPT);
  const p256 = await newKey(service, KeySpec.KEY_SPEC_ECC_NIST_P256, KeyUsage.KEY_USAGE_SIGN_VERIFY);
  const rsa = await newKey(service, KeySpec.KEY_SPEC_RSA_2048, KeyUsage.KEY_USAGE_SIGN_VERIFY);
  const encryptionContext = { purpose: 'bench' };
  const request = { key: symmetric, plaintext, encryptionContext, encryptionAlgorithm: undefined };
  const { ciphertextBlob } = await service.client.request('encrypt', request);
  const signing = (key: KeyReference, signingAlgorithm: SigningAlgorithm) => () =>
    service.client.request('sign', { key, message, messageType: MessageType.MESSAGE_TYPE_RAW, signingAlgorithm });
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const rsaKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const pss = { key: rsaKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  const material = randomBytes(32);
  const kdfAndGcm = (): unknown => {
    const derived = kdfCounter(material, 'keystead/v1/msg', randomBytes(56), 44);
    const cipher = createCipheriv('aes-256-gcm', derived.subarray(0, 32), derived.subarray(32), { authTagLength: 16 });
    return [cipher.update(plaintext), cipher.final(), cipher.getAuthTag()];
  };
  const cipherLimit = (bare: number): number => bare + overBareMicros;
  const signLimit = (bare: number): number => bare * timesBare;
  const algorithm = SigningAlgorithm;
  return [
    {
      name: 'Encrypt 1 KiB',
      ask: () => service.client.request('encrypt', request),
      bare: kdfAndGcm,
      limit: cipherLimit,
    },
    {
      name: 'Decrypt 1 KiB',
      ask: () =>
        service.client.request('decrypt', {
          key: symmetric,
          ciphertextBlob,
          encryptionContext,
          encryptionAlgorithm: undefined,
        }),
      bare: kdfAndGcm,
      limit: cipherLimit,
    },
    {
      name: 'Sign P-256',
      ask: signing(p256, algorithm.SIGNING_ALGORITHM_ECDSA_SHA_256),
      bare: () => sign('sha256', message, ec),
      limit: signLimit,
    },
    {
      name: 'Sign RSA-2048 PSS',
      ask: signing(rsa, algorithm.SIGNING_ALGORITHM_RSASSA_PSS_SHA_256),
      bare: () => sign('sha256', message, pss),
      limit: signLimit,
    },
  ];
}

let keys = 0;

async function newKey(service: Hsm, keySpec: KeySpec, keyUsage: KeyUsage): Promise<KeyReference> {
  const keyId = `00000000-0000-4000-8000-${String(keys++).padStart(12, '0')}`;
  const wanted = { account, keyId, keySpec, keyUsage, generation: 0, multiRegion: false };
  const { token } = await service.client.request('generateKey', wanted, { timeoutMs: 60_000 });
  return { token, account, keyId };
}

/** CPU time of one bare operation in this process, over about half a second. */
function bareMicros(operation: () => unknown): number {
  for (let n = 0; n < 200; n++) operation();
  const begun = process.cpuUsage();
  const until = performance.now() + 500;
  let count = 0;
  for (; performance.now() < until; count++) operation();
  const { user, system } = process.cpuUsage(begun);
  return (user + system) / count;
}

async function decryptUnderKeyGeneration(
  lab: Lab,
  service: Hsm,
  [, decrypt]: readonly Operation[],
): Promise<{ alone: number; busy: number }> {
  if (decrypt === undefined) throw new Error('Decrypt comes second.');
  lab.progress('Decrypt alone, then while RSA-4096 keys are made');
  const run = async (): Promise<number> => {
    const { latencies } = await closedLoop(8, lab.seconds, decrypt.ask);
    return [...latencies].sort((a, b) => a - b)[Math.floor(latencies.length * 0.99)] ?? NaN;
  };
  const alone = await run();
  let going = true;
  const generating = [0, 1].map(async () => {
    while (going) await newKey(service, KeySpec.KEY_SPEC_RSA_4096, KeyUsage.KEY_USAGE_SIGN_VERIFY);
  });
  const busy = await run();
  going = false;
  await Promise.all(generating);
  return { alone, busy };
}
