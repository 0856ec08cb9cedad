// npm run campaign:timing [seconds [word in the name]]: does the CPU time of secret arithmetic depend on the secret?
//
// As dudect does (Reparaz, Balasch, Verbauwhede 2017): two classes of secrets in random order, and Welch's t-test over all
// measurements and over what is left when the slowest are cut off. |t| below 4.5 shows no difference, above 10 there is one;
// what lies between wants a longer run. What is counted is CPU time of this process, not time on the wall, so that other
// work on the machine only makes it coarser. No difference found is no proof that there is none.
import { constants, createHash, generateKeyPairSync, publicEncrypt, randomBytes } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import { signWith } from '../../src/domain/ecdsa.js';
import { ed25519phSign } from '../../src/domain/ed25519.js';
import { runJob } from '../../src/domain/jobs.js';
import { keySpec } from '../../src/domain/key-specs.js';
import { openToken, parseToken, sealToken } from '../../src/domain/token.js';
import { generateMac, generateMacKey, verifyMac } from '../../src/domain/mac.js';
import { account, domain, keyId, testHsm } from '../domain/hsm.js';
import { compare, type Samples } from './welch.js';

/** What is measured: a step made ready with a secret of one of two classes. */
interface Experiment {
  readonly name: string;
  /** The two classes, in words. */
  readonly classes: readonly [string, string];
  readonly ready: (secret: 0 | 1) => () => unknown;
}

/** Steps that are measured together: CPU time is told in microseconds. */
const batch = 16;

const digest = createHash('sha256').update('timing').digest();
const pick = <T>(list: readonly T[]): T => list[(Math.random() * list.length) | 0] as T;

function ofCurve(curve: string, bits: number): Experiment[] {
  const length = Math.ceil(bits / 8);
  const random = (): Buffer => {
    const scalar = randomBytes(length);
    // Below every order, and with as many bits.
    scalar[0] = ((scalar[0] as number) & (0xff >> (8 * length - bits))) >> 1 || 1;
    return scalar;
  };
  /** The lower half of the bits only. */
  const small = (): Buffer => random().fill(0, 0, length >> 1);
  /** As one nonce in 512 is: without its first nine bits. */
  const shorter = (): Buffer => random().fill(0, 0, 2);
  const d = random();
  const experiment = (what: string, classes: Experiment['classes'], first: () => Buffer, isKey: boolean) => ({
    ...{ name: `ECDSA ${curve}, ${what}`, classes },
    ready: (secret: 0 | 1) => {
      const scalar = Buffer.from(secret === 0 ? first() : random());
      const scalars = isKey ? { d: scalar, k: random() } : { d: Buffer.from(d), k: scalar };
      return () => signWith(curve, scalars, digest);
    },
  });
  return [
    experiment('private key', ['half as long', 'random'], small, true),
    experiment('nonce', ['half as long', 'random'], small, false),
    experiment('nonce', ['two bytes shorter', 'random'], shorter, false),
  ];
}

function ofEdwards(): Experiment[] {
  const pkcs8 = (seed: Buffer): Buffer => Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  const prehash = createHash('sha512').update('timing').digest();
  return [
    {
      ...{ name: 'Ed25519ph, private key', classes: ['one', 'random'] },
      ready: (secret) => {
        const key = pkcs8(secret === 0 ? Buffer.alloc(32, 7) : randomBytes(32));
        return () => ed25519phSign(key, prehash);
      },
    },
    {
      ...{ name: 'Ed25519, multiplication of the base', classes: ['short nonce', 'random'] },
      ready: (secret) => {
        const r = BigInt(`0x${randomBytes(secret === 0 ? 16 : 31).toString('hex')}`) | 1n;
        return () => ed25519.Point.BASE.multiply(r);
      },
    },
  ];
}

const [hmac256, mlKem768] = [11, 19] as const;

function ofMlKem(): Experiment {
  const spec = keySpec(mlKem768);
  const { material, publicKey } = runJob('generateKeyPair', { spec: mlKem768 });
  const made = Array.from({ length: 64 }, () => runJob('encapsulate', { spec, publicKey }).ciphertext);
  return {
    ...{ name: 'ML-KEM-768, decapsulation', classes: ['a capsule of ours', 'implicitly rejected'] },
    ready: (secret) => {
      const ciphertext = Buffer.from(pick(made));
      const at = (Math.random() * ciphertext.length) | 0;
      if (secret === 1) ciphertext[at] = (ciphertext[at] as number) ^ 1;
      return () => runJob('decapsulate', { spec, material: Uint8Array.from(material), ciphertext });
    },
  };
}

/** Manger's oracle: whether the decrypted block begins with a zero must not show. */
function ofOaep(): Experiment {
  const { privateKey: key, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const raw = (first: number): Buffer => {
    const block = randomBytes(256);
    block[0] = first;
    return publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, block);
  };
  return {
    ...{ name: 'RSA-2048 OAEP, refused', classes: ['the block begins with zero', 'it does not'] },
    ready: (secret) => {
      const ciphertext = raw(secret === 0 ? 0 : 1 + ((Math.random() * 100) | 0));
      return () => runJob('decrypt', { key, hash: 'sha256', ciphertext });
    },
  };
}

async function ofComparisons(): Promise<Experiment[]> {
  const dk = randomBytes(32);
  const fields = { ...{ usage: 1, spec: 1, origin: 0, multiRegion: false, epoch: 1, domain }, account: 0n };
  const sealed = { ...fields, keyId: Buffer.alloc(16, 1), createdMs: 0n, generation: 0 };
  const token = sealToken(dk, sealed, randomBytes(32), randomBytes(28));
  const hsm = testHsm();
  const wanted = { account, keyId, multiRegion: false, spec: hmac256, usage: 4, generation: 0 };
  const key = { token: (await generateMacKey(hsm.vault, wanted)).token, account, keyId };
  const message = randomBytes(64);
  const mac = generateMac(hsm.vault, key, message, 2);
  const flipped = (bytes: Buffer, at: number): Buffer => {
    const copy = Buffer.from(bytes);
    copy[at] = (copy[at] as number) ^ 1;
    return copy;
  };
  const failing = (run: () => unknown) => (): void => {
    try {
      run();
    } catch {
      return;
    }
    throw new Error('it should have been refused');
  };
  return [
    {
      ...{ name: 'HMAC, refused', classes: ['first byte wrong', 'last byte wrong'] },
      ready: (secret) => {
        const wrong = flipped(mac, secret === 0 ? 0 : mac.length - 1);
        return failing(() => verifyMac(hsm.vault, key, { message, mac: wrong, macAlgorithm: 2 }));
      },
    },
    {
      ...{ name: 'key token, refused', classes: ['first byte of the sealed part wrong', 'last byte of the tag wrong'] },
      ready: (secret) => {
        const wrong = flipped(token, secret === 0 ? 132 : token.length - 1);
        return failing(() => openToken(dk, parseToken(wrong)));
      },
    },
  ];
}

function measure({ ready }: Experiment, seconds: number): Samples {
  const found: Samples = [[], []];
  const until = Date.now() + seconds * 1_000;
  for (let warm = 0; warm < 20; warm++) once(ready, (warm & 1) as 0 | 1);
  while (Date.now() < until) {
    const secret = Math.random() < 0.5 ? 0 : 1;
    found[secret].push(once(ready, secret));
  }
  return found;
}

/** CPU microseconds of one step. */
function once(ready: Experiment['ready'], secret: 0 | 1): number {
  const steps = Array.from({ length: batch }, () => ready(secret));
  const before = process.cpuUsage();
  for (const step of steps) step();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / batch;
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const seconds = Number(process.argv[2] ?? 30);
const word = process.argv[3] ?? '';
const experiments = [
  ...ofCurve('prime256v1', 256),
  ...ofCurve('secp384r1', 384),
  ...ofCurve('secp521r1', 521),
  ...ofCurve('secp256k1', 256),
  ...ofEdwards(),
  ofMlKem(),
  ofOaep(),
  ...(await ofComparisons()),
];
say('| what | first class / second | µs each | difference, ns | largest abs(t) |');
say('| --- | --- | --- | --- | --- |');
for (const experiment of experiments.filter(({ name }) => name.includes(word))) {
  const { mean, difference, error, t } = compare(measure(experiment, seconds));
  const [first, second] = experiment.classes;
  const apart = `${(difference * 1_000).toFixed(0)} ± ${(error * 1_000).toFixed(0)}`;
  say(`| ${experiment.name} | ${first} / ${second} | ${mean.toFixed(1)} | ${apart} | ${t.toFixed(1)} |`);
}
