import {
  CustomerMasterKeySpec,
  DecryptCommand,
  DeriveSharedSecretCommand,
  DescribeKeyCommand,
  EncapsulateCommand,
  EncryptCommand,
  EncryptionAlgorithmSpec,
  GenerateDataKeyCommand,
  GenerateDataKeyPairCommand,
  GenerateMacCommand,
  GetPublicKeyCommand,
  KeySpec,
  KeyUsageType,
  MacAlgorithmSpec,
  SigningAlgorithmSpec,
  SignCommand,
  VerifyCommand,
  type KeyMetadata,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { ed25519ph } from '@noble/curves/ed25519.js';
import { ml_dsa44, ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa.js';
import {
  constants,
  createHash,
  createPublicKey,
  publicEncrypt,
  verify as nodeVerify,
  type KeyObject,
} from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refused, wire, type Wire } from './kms.js';

// Every key spec of AWS's SDK with every usage, and with each such key every operation with every algorithm.

let w: Wire;
let peer: Uint8Array;
beforeAll(async () => {
  w = await wire();
  peer = await w.spki((await w.createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' })).KeyId);
});
afterAll(() => w[Symbol.asyncDispose]());

const Message = Buffer.from('every key, every algorithm');
const rsa: readonly SigningAlgorithmSpec[] = [
  ...(['RSASSA_PKCS1_V1_5_SHA_256', 'RSASSA_PKCS1_V1_5_SHA_384', 'RSASSA_PKCS1_V1_5_SHA_512'] as const),
  ...(['RSASSA_PSS_SHA_256', 'RSASSA_PSS_SHA_384', 'RSASSA_PSS_SHA_512'] as const),
];

/** https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-choose-key-spec.html, written down a second time. */
function expected(spec: KeySpec, usage: KeyUsageType): readonly string[] {
  const [family, size] = [spec.split('_')[0], /\d+$/.exec(spec)?.[0] ?? ''];
  const ecdsa = { P256: 'ECDSA_SHA_256', P384: 'ECDSA_SHA_384', P521: 'ECDSA_SHA_512', K1: 'ECDSA_SHA_256' };
  switch (`${family} ${usage}`) {
    case 'SYMMETRIC ENCRYPT_DECRYPT':
      return ['SYMMETRIC_DEFAULT'];
    case 'RSA ENCRYPT_DECRYPT':
      return ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'];
    case 'RSA SIGN_VERIFY':
      return rsa;
    case 'ECC SIGN_VERIFY':
      if (spec.endsWith('25519')) return ['ED25519_SHA_512', 'ED25519_PH_SHA_512'];
      return [ecdsa[spec.slice(spec.endsWith('K1') ? -2 : -4) as keyof typeof ecdsa]];
    case 'ECC KEY_AGREEMENT':
      return /NIST_P\d+$/.test(spec) ? ['ECDH'] : [];
    case 'HMAC GENERATE_VERIFY_MAC':
      return [`HMAC_SHA_${size}`];
    case 'ML SIGN_VERIFY':
      return spec.startsWith('ML_DSA') ? ['ML_DSA_SHAKE_256'] : [];
    case 'ML ENCAPSULATE_DECAPSULATE':
      return spec.startsWith('ML_KEM') ? ['ML_KEM'] : [];
    default:
      return [];
  }
}

const lists: Readonly<Record<KeyUsageType, string>> = {
  ENCRYPT_DECRYPT: 'EncryptionAlgorithms',
  SIGN_VERIFY: 'SigningAlgorithms',
  GENERATE_VERIFY_MAC: 'MacAlgorithms',
  KEY_AGREEMENT: 'KeyAgreementAlgorithms',
  ENCAPSULATE_DECAPSULATE: 'EncapsulationAlgorithms',
};

const specs = Object.values(KeySpec);
const usages = Object.values(KeyUsageType);

test('the SDK knows no spec that we do not', () => {
  expect(specs).toHaveLength(20);
  for (const old of Object.values(CustomerMasterKeySpec)) expect(specs).toContain(old);
});

describe.each(specs)('%s', (spec) => {
  test.each(usages)('%s', { timeout: 240_000 }, async (usage) => {
    const algorithms = expected(spec, usage);
    const made = w.createKey({ KeySpec: spec, KeyUsage: usage });
    if (spec === 'SM2') return sm2(made, usage);
    if (algorithms.length === 0) {
      await expect(made).rejects.toMatchObject(
        refused('Validation', `KeyUsage ${usage} is not compatible with KeySpec ${spec}`),
      );
      return;
    }
    const { KeyId } = await made;
    await describes(KeyId, spec, usage, algorithms);
    const publicKey = await showsPublicKey(KeyId, spec, usage, algorithms);
    for (const attempt of attempts(KeyId)) {
      const right = attempt.usage === usage && algorithms.includes(attempt.algorithm);
      if (right) await works(attempt, publicKey, spec);
      else await expect(attempt.run(), attempt.algorithm).rejects.toMatchObject(refusal(attempt, spec, usage));
    }
  });
});

/** Of China Regions only; the pairs that it does not have either are refused as everybody's. */
async function sm2(made: Promise<unknown>, usage: KeyUsageType): Promise<void> {
  const has = ['ENCRYPT_DECRYPT', 'SIGN_VERIFY', 'KEY_AGREEMENT'].includes(usage);
  await expect(made).rejects.toMatchObject(
    has
      ? refused('UnsupportedOperation', 'KeySpec SM2 is supported in China Regions only.')
      : refused('Validation', `KeyUsage ${usage} is not compatible with KeySpec SM2`),
  );
}

async function describes(
  KeyId: string,
  spec: KeySpec,
  usage: KeyUsageType,
  algorithms: readonly string[],
): Promise<void> {
  const { KeyMetadata } = await w.kms.send(new DescribeKeyCommand({ KeyId }));
  const shown = KeyMetadata as KeyMetadata & Record<string, unknown>;
  const fields = [
    ...[
      'AWSAccountId',
      'Arn',
      'CreationDate',
      'CustomerMasterKeySpec',
      'Description',
      'Enabled',
      'KeyId',
      'KeyManager',
    ],
    ...['KeySpec', 'KeyState', 'KeyUsage', 'MultiRegion', 'Origin', lists[usage]],
    ...(spec === 'SYMMETRIC_DEFAULT' ? ['CurrentKeyMaterialId'] : []),
  ];
  expect(Object.keys(shown).sort()).toEqual(fields.sort());
  expect(shown).toMatchObject({
    ...{ KeySpec: spec, CustomerMasterKeySpec: spec, KeyUsage: usage, KeyState: 'Enabled', Enabled: true },
    ...{ Origin: 'AWS_KMS', KeyManager: 'CUSTOMER', MultiRegion: false },
  });
  expect([...(shown[lists[usage]] as string[])].sort()).toEqual([...algorithms].sort());
}

/** The public key of an asymmetric key, DER; undefined where there is none to show. */
async function showsPublicKey(
  KeyId: string,
  spec: KeySpec,
  usage: KeyUsageType,
  algorithms: readonly string[],
): Promise<Uint8Array | undefined> {
  const asked = w.kms.send(new GetPublicKeyCommand({ KeyId }));
  if (spec === 'SYMMETRIC_DEFAULT' || spec.startsWith('HMAC')) {
    await expect(asked).rejects.toMatchObject(refused('UnsupportedOperation'));
    return undefined;
  }
  const shown = await asked;
  const list = lists[usage];
  expect(Object.keys(shown).sort()).toEqual(
    ['$metadata', 'CustomerMasterKeySpec', 'KeyId', 'KeySpec', 'KeyUsage', 'PublicKey', list].sort(),
  );
  expect(shown).toMatchObject({ KeySpec: spec, CustomerMasterKeySpec: spec, KeyUsage: usage });
  expect([...((shown as unknown as Record<string, unknown>)[list] as string[])].sort()).toEqual([...algorithms].sort());
  return shown.PublicKey;
}

interface Attempt {
  readonly operation: string;
  readonly usage: KeyUsageType;
  readonly algorithm: string;
  readonly keyId: string;
  readonly run: () => Promise<{ readonly Signature?: Uint8Array | undefined; readonly CiphertextBlob?: Uint8Array }>;
}

const send = ((command: never) => w.kms.send(command)) as KMSClient['send'];

/** Every operation that names an algorithm, with every algorithm that it may name. */
function attempts(KeyId: string): Attempt[] {
  const signing = Object.values(SigningAlgorithmSpec).map((SigningAlgorithm) => ({
    ...{ operation: 'Sign', usage: 'SIGN_VERIFY' as const, algorithm: SigningAlgorithm, keyId: KeyId },
    run: () => send(new SignCommand({ KeyId, SigningAlgorithm, ...messageFor(SigningAlgorithm) })),
  }));
  const verifying = Object.values(SigningAlgorithmSpec).map((SigningAlgorithm) => ({
    ...{ operation: 'Verify', usage: 'SIGN_VERIFY' as const, algorithm: SigningAlgorithm, keyId: KeyId },
    run: async () => {
      const input = { KeyId, SigningAlgorithm, ...messageFor(SigningAlgorithm) };
      return send(new VerifyCommand({ ...input, Signature: Buffer.alloc(64, 1) }));
    },
  }));
  const encrypting = Object.values(EncryptionAlgorithmSpec).map((EncryptionAlgorithm) => ({
    ...{ operation: 'Encrypt', usage: 'ENCRYPT_DECRYPT' as const, algorithm: EncryptionAlgorithm, keyId: KeyId },
    run: () => send(new EncryptCommand({ KeyId, Plaintext: Message, EncryptionAlgorithm })),
  }));
  const macs = Object.values(MacAlgorithmSpec).map((MacAlgorithm) => ({
    ...{ operation: 'GenerateMac', usage: 'GENERATE_VERIFY_MAC' as const, algorithm: MacAlgorithm, keyId: KeyId },
    run: () => send(new GenerateMacCommand({ KeyId, Message, MacAlgorithm })) as never,
  }));
  const others: Attempt[] = [
    {
      ...{ operation: 'DeriveSharedSecret', usage: 'KEY_AGREEMENT', algorithm: 'ECDH', keyId: KeyId },
      run: async () =>
        send(new DeriveSharedSecretCommand({ KeyId, KeyAgreementAlgorithm: 'ECDH', PublicKey: peer })) as never,
    },
    {
      ...{ operation: 'Encapsulate', usage: 'ENCAPSULATE_DECAPSULATE', algorithm: 'ML_KEM', keyId: KeyId },
      run: () => send(new EncapsulateCommand({ KeyId, EncapsulationAlgorithm: 'ML_KEM' })) as never,
    },
    {
      ...{ operation: 'GenerateDataKey', usage: 'ENCRYPT_DECRYPT', algorithm: 'SYMMETRIC_DEFAULT', keyId: KeyId },
      run: () => send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' })) as never,
    },
    {
      ...{ operation: 'GenerateDataKeyPair', usage: 'ENCRYPT_DECRYPT', algorithm: 'SYMMETRIC_DEFAULT', keyId: KeyId },
      run: () => send(new GenerateDataKeyPairCommand({ KeyId, KeyPairSpec: 'ECC_NIST_P256' })) as never,
    },
  ];
  return [...signing, ...verifying, ...encrypting, ...macs, ...others] as Attempt[];
}

/** AWS names the usage first, then the algorithm. */
function refusal({ operation, usage: needed, algorithm, keyId }: Attempt, spec: KeySpec, usage: KeyUsageType): object {
  const arn = `arn:aws:kms:us-east-1:000000000000:key/${keyId}`;
  return refused(
    'InvalidKeyUsage',
    needed === usage
      ? `Algorithm ${algorithm} is incompatible with key spec ${spec}.`
      : `${arn} key usage is ${usage} which is not valid for ${operation}.`,
  );
}

function messageFor(algorithm: string) {
  if (algorithm !== 'ED25519_PH_SHA_512') return { Message, MessageType: 'RAW' } as const;
  return { Message: createHash('sha512').update(Message).digest(), MessageType: 'DIGEST' } as const;
}

/** Runs it, and lets another library have its say where it can. */
async function works(attempt: Attempt, publicKey: Uint8Array | undefined, spec: KeySpec): Promise<void> {
  const { operation, algorithm, keyId: KeyId } = attempt;
  if (operation === 'DeriveSharedSecret' && spec !== 'ECC_NIST_P256') {
    await expect(attempt.run()).rejects.toMatchObject(refused('Validation'));
    return;
  }
  if (operation === 'Verify') {
    await expect(attempt.run()).rejects.toMatchObject(refused('KMSInvalidSignature', 'UnknownError'));
    return;
  }
  const answer = await attempt.run();
  if (operation === 'Sign') expect(verifiedOutside(algorithm, publicKey, answer.Signature, spec)).toBe(true);
  if (operation !== 'Encrypt') return;
  const EncryptionAlgorithm = algorithm as EncryptionAlgorithmSpec;
  const blobs = [answer.CiphertextBlob, ...(publicKey ? [encryptedOutside(algorithm, publicKey)] : [])];
  for (const CiphertextBlob of blobs) {
    const { Plaintext } = await w.kms.send(new DecryptCommand({ KeyId, CiphertextBlob, EncryptionAlgorithm }));
    expect(Buffer.from(Plaintext ?? [])).toEqual(Message);
  }
}

const keyOf = (spki: Uint8Array): KeyObject => createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });

function encryptedOutside(algorithm: string, spki: Uint8Array): Buffer {
  const oaepHash = algorithm === 'RSAES_OAEP_SHA_1' ? 'sha1' : 'sha256';
  return publicEncrypt({ key: keyOf(spki), padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, Message);
}

const mlDsa = { ML_DSA_44: [ml_dsa44, 1_312], ML_DSA_65: [ml_dsa65, 1_952], ML_DSA_87: [ml_dsa87, 2_592] } as const;

/** OpenSSL's word on a signature, or noble's where OpenSSL 3.0 has no such algorithm. */
function verifiedOutside(
  algorithm: string,
  spki: Uint8Array = new Uint8Array(),
  signature: Uint8Array = new Uint8Array(),
  spec: KeySpec,
): boolean {
  if (algorithm === 'ML_DSA_SHAKE_256') {
    const [library, length] = mlDsa[spec as keyof typeof mlDsa];
    return library.verify(signature, Message, spki.subarray(-length));
  }
  if (algorithm === 'ED25519_PH_SHA_512') return ed25519ph.verify(signature, Message, spki.subarray(-32));
  if (algorithm === 'ED25519_SHA_512') return nodeVerify(null, Message, keyOf(spki), signature);
  const hash = `sha${algorithm.slice(-3)}`;
  if (!algorithm.startsWith('RSASSA_PSS')) return nodeVerify(hash, Message, keyOf(spki), signature);
  const saltLength = constants.RSA_PSS_SALTLEN_DIGEST;
  return nodeVerify(
    hash,
    Message,
    { key: keyOf(spki), padding: constants.RSA_PKCS1_PSS_PADDING, saltLength },
    signature,
  );
}
