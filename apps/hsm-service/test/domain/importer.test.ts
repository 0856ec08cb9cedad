import {
  constants,
  createCipheriv,
  createPublicKey,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
  verify,
} from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { IMPORT_TOKEN_MS } from '../../src/domain/importer.js';
import { KEY_SPECS } from '../../src/domain/material.js';
import { bitFlips } from '../vectors.js';
import { account, keyId, startMs, testHsm } from './hsm.js';

const hsm = testHsm();
const coded = (code: string): Error => expect.objectContaining({ code }) as Error;
const specCode = (name: string): number => KEY_SPECS.indexOf(name as (typeof KEY_SPECS)[number]) + 1;
const [OAEP_SHA1, OAEP_SHA256, AES_SHA1, AES_SHA256] = [1, 2, 3, 4] as const;
const nothing = new Uint8Array();

interface Target {
  keySpec: 1;
  keyUsage: 1;
  account: string;
  keyId: string;
  multiRegion: boolean;
}

const target = (spec: string, usage: number): Target => ({
  ...{ account, keyId, multiRegion: false, keySpec: specCode(spec) as 1, keyUsage: usage as 1 },
});

type Parameters = Awaited<ReturnType<typeof hsm.wire.generateImportParameters>>;

async function parameters(to: Target, algorithm: number, wrappingKeySpec = 2): Promise<Parameters> {
  const how = { wrappingAlgorithm: algorithm as 1, wrappingKeySpec: wrappingKeySpec as 2 };
  return await hsm.wire.generateImportParameters({ ...to, ...how });
}

/** What the owner of the material does, by OpenSSL. */
function wrap({ publicKey }: Parameters, algorithm: number, material: Uint8Array, aesBits = 256): Buffer {
  const key = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' });
  const oaepHash = algorithm % 2 === 1 ? 'sha1' : 'sha256';
  const rsa = (bytes: Uint8Array): Buffer =>
    publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, bytes);
  if (algorithm <= OAEP_SHA256) return rsa(material);
  const aes = randomBytes(aesBits / 8);
  const cipher = createCipheriv(`id-aes${aesBits}-wrap-pad`, aes, Buffer.from('a65959a6', 'hex'));
  return Buffer.concat([rsa(aes), cipher.update(material), cipher.final()]);
}

const submit = async (
  to: Target,
  importToken: Uint8Array,
  encryptedKeyMaterial: Uint8Array,
  expectedMaterialId: Uint8Array = nothing,
) => await hsm.wire.importKeyMaterial({ ...to, generation: 0, importToken, encryptedKeyMaterial, expectedMaterialId });

const der = { format: 'der', type: 'pkcs8' } as const;
const ec = (namedCurve: string): Buffer => generateKeyPairSync('ec', { namedCurve }).privateKey.export(der);

describe.each([
  ['SYMMETRIC_DEFAULT', 1, (): Buffer => randomBytes(32), [OAEP_SHA1, OAEP_SHA256, AES_SHA1, AES_SHA256]],
  ['HMAC_224', 4, (): Buffer => randomBytes(28), [OAEP_SHA256]],
  ['HMAC_512', 4, (): Buffer => randomBytes(64), [OAEP_SHA1, AES_SHA256]],
  ['ECC_NIST_P256', 2, (): Buffer => ec('prime256v1'), [OAEP_SHA256, AES_SHA1]],
  ['ECC_NIST_P384', 8, (): Buffer => ec('secp384r1'), [AES_SHA256]],
  ['ECC_NIST_P521', 2, (): Buffer => ec('secp521r1'), [AES_SHA256]],
  ['ECC_SECG_P256K1', 2, (): Buffer => ec('secp256k1'), [OAEP_SHA1]],
  ['ECC_NIST_EDWARDS25519', 2, (): Buffer => generateKeyPairSync('ed25519').privateKey.export(der), [OAEP_SHA256]],
  [
    'RSA_2048',
    2,
    (): Buffer => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export(der),
    [AES_SHA1, AES_SHA256],
  ],
] as const)('%s', (spec, usage, material, algorithms) => {
  test.each(algorithms)('is imported with wrapping %i, and again, by its material id', async (algorithm) => {
    const to = target(spec, usage);
    const made = await parameters(to, algorithm);
    expect(made.importToken.length).toBeLessThanOrEqual(6144);
    expect(made.validToMs).toBe(BigInt(startMs + IMPORT_TOKEN_MS));
    const bytes = material();
    const first = await submit(to, made.importToken, wrap(made, algorithm, bytes));
    const again = await submit(to, made.importToken, wrap(made, algorithm, bytes, 128), first.materialId);
    expect(Buffer.from(again.materialId)).toEqual(Buffer.from(first.materialId));
    const other = submit(to, made.importToken, wrap(made, algorithm, material()), first.materialId);
    await expect(other).rejects.toThrow(coded('IncorrectKeyMaterial'));
    await use({ token: first.token, account, keyId }, spec, usage, first.publicKey);
  });
});

async function use(
  key: { token: Uint8Array; account: string; keyId: string },
  spec: string,
  usage: number,
  publicKey: Uint8Array,
) {
  const message = Buffer.from('x');
  if (usage === 1) await hsm.wire.encrypt({ key, plaintext: message, encryptionContext: {} });
  if (usage === 4) await hsm.wire.generateMac({ key, message, macAlgorithm: spec === 'HMAC_224' ? 1 : 4 });
  if (spec !== 'ECC_NIST_P256') return;
  const { signature } = await hsm.wire.sign({ key, message, messageType: 1, signingAlgorithm: 7 });
  const outside = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' });
  expect(verify('sha256', message, outside, signature)).toBe(true);
}

describe('an import is refused', () => {
  const to = target('SYMMETRIC_DEFAULT', 1);
  let made: Parameters;
  let wrapped: Buffer;
  beforeAll(async () => {
    made = await parameters(to, OAEP_SHA256);
    wrapped = wrap(made, OAEP_SHA256, randomBytes(32));
  });

  test('for every key, account, spec and usage but the one of the token', async () => {
    const others: Partial<Target>[] = [
      { account: '111122223333' },
      { keyId: '1234abcd-12ab-34cd-56ef-1234567890ac' },
      { keyId: 'mrk-1234abcd12ab34cd56ef1234567890ab', multiRegion: true },
      { keySpec: specCode('HMAC_256') as 1, keyUsage: 4 as 1 },
      { keySpec: specCode('RSA_2048') as 1, keyUsage: 1 },
    ];
    for (const change of others) {
      const attempt = submit({ ...to, ...change }, made.importToken, wrapped);
      await expect(attempt).rejects.toThrow(coded('InvalidImportToken'));
    }
    const signing = target('ECC_NIST_P256', 2);
    const agreement = await parameters(target('ECC_NIST_P256', 8), OAEP_SHA256);
    const attempt = submit(signing, agreement.importToken, wrap(agreement, OAEP_SHA256, ec('prime256v1')));
    await expect(attempt).rejects.toThrow(coded('InvalidImportToken'));
  });

  test('with a token that was changed, made elsewhere, or is a key', async () => {
    for (const token of bitFlips(made.importToken)) {
      // A later domain key than this HSM knows may be that of another replica; kms-service asks that one.
      const isLater = token.readUInt32BE(12) > Buffer.from(made.importToken).readUInt32BE(12);
      const code = isLater ? 'RootBehind' : 'InvalidImportToken';
      await expect(submit(to, token, wrapped)).rejects.toThrow(coded(code));
    }
    const key = await hsm.wire.generateKey({ ...to, generation: 0 });
    for (const token of [key.token, nothing, Buffer.alloc(9000)]) {
      await expect(submit(to, token, wrapped)).rejects.toThrow(coded('InvalidImportToken'));
    }
    const claim = {
      key: { token: made.importToken, account, keyId },
      plaintext: Buffer.from('x'),
      encryptionContext: {},
    };
    await expect(async () => hsm.wire.encrypt(claim)).rejects.toThrow(coded('InvalidKeyUsage'));
  });

  test('after 24 hours', async () => {
    hsm.now = startMs + IMPORT_TOKEN_MS - 1;
    await submit(to, made.importToken, wrapped);
    hsm.now = startMs + IMPORT_TOKEN_MS;
    await expect(submit(to, made.importToken, wrapped)).rejects.toThrow(coded('ExpiredImportToken'));
    hsm.now = startMs;
  });

  test('of material that does not unwrap, or is no key of the spec', async () => {
    const flipped = Buffer.from(wrapped);
    flipped[9] = (flipped[9] as number) ^ 1;
    const sha1 = wrap(made, OAEP_SHA1, randomBytes(32));
    for (const bad of [flipped, sha1, wrapped.subarray(1), Buffer.alloc(256)]) {
      await expect(submit(to, made.importToken, bad)).rejects.toThrow(coded('InvalidCiphertext'));
    }
    for (const n of [1, 16, 31, 33, 64]) {
      const attempt = submit(to, made.importToken, wrap(made, OAEP_SHA256, Buffer.alloc(n)));
      await expect(attempt).rejects.toThrow(coded('IncorrectKeyMaterial'));
    }
  });

  test('of private keys of another kind, curve or size', async () => {
    const p256 = target('ECC_NIST_P256', 2);
    const token = await parameters(p256, AES_SHA256);
    const explicit = generateKeyPairSync('ec', { namedCurve: 'prime256v1', paramEncoding: 'explicit' });
    const mixed = Buffer.from(ec('prime256v1'));
    ec('prime256v1').copy(mixed, mixed.length - 64, mixed.length - 64); // somebody else's public half
    const keys = [
      ...[ec('secp256k1'), ec('secp384r1'), explicit.privateKey.export(der), mixed, Buffer.alloc(138)],
      ...[generateKeyPairSync('ed25519'), generateKeyPairSync('rsa', { modulusLength: 1024 })].map((p) =>
        p.privateKey.export(der),
      ),
    ];
    for (const key of keys) {
      const attempt = submit(p256, token.importToken, wrap(token, AES_SHA256, key));
      await expect(attempt).rejects.toThrow(coded('IncorrectKeyMaterial'));
    }
    const wrapped = wrap(token, AES_SHA256, ec('prime256v1'));
    for (const cut of [
      wrapped.subarray(0, 256),
      wrapped.subarray(0, 264),
      wrapped.subarray(0, -8),
      wrapped.subarray(0, -1),
    ]) {
      await expect(submit(p256, token.importToken, cut)).rejects.toThrow(coded('InvalidCiphertext'));
    }
  });

  test.each([
    ['UnsupportedOperation', 'ML_DSA_44', 2, OAEP_SHA256, 2],
    ['UnsupportedOperation', 'ML_KEM_768', 64, AES_SHA256, 2],
    ['UnsupportedOperation', 'SYMMETRIC_DEFAULT', 1, 6, 2],
    ['UnsupportedOperation', 'SYMMETRIC_DEFAULT', 1, OAEP_SHA256, 14],
    ['Validation', 'SYMMETRIC_DEFAULT', 1, 5, 2],
    ['Validation', 'SYMMETRIC_DEFAULT', 1, 0, 2],
    ['Validation', 'SYMMETRIC_DEFAULT', 1, OAEP_SHA256, 5],
    ['Validation', 'RSA_2048', 1, OAEP_SHA256, 4],
    ['Validation', 'ECC_NIST_P521', 2, OAEP_SHA1, 2],
  ])('%s: %s for usage %i with wrapping %i and key %i', async (code, spec, usage, algorithm, wrappingSpec) => {
    await expect(parameters(target(spec, usage), algorithm, wrappingSpec)).rejects.toThrow(coded(code));
  });
});
