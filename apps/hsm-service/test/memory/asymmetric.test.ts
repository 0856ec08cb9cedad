import { setTimeout as sleep } from 'node:timers/promises';
import {
  createCipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
  constants,
  type KeyObject,
} from 'node:crypto';
import {
  CreateKeyCommand,
  DecapsulateCommand,
  DecryptCommand,
  DeriveSharedSecretCommand,
  EncapsulateCommand,
  EncryptCommand,
  GenerateDataKeyPairCommand,
  GenerateMacCommand,
  GenerateRandomCommand,
  GetParametersForImportCommand,
  GetPublicKeyCommand,
  ImportKeyMaterialCommand,
  KMSClient,
  SignCommand,
  type CreateKeyCommandInput,
  type DataKeyPairSpec,
  type SigningAlgorithmSpec,
} from '@aws-sdk/client-kms';
import { startKeystead, type StartedKeystead } from '@keystead/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { processTree, Scanner, scanProcess, type Secrets } from './scan.js';

// Private keys, shared secrets and what was decrypted: OpenSSL's numbers and BigInts hold them back to front.

const Message = Buffer.from('signed');
/** How long what was handed out may be found after its use. */
const DATA_KEY_MS = 5_000;
/** A machine that is busy with other things may be late once; each attempt hands out others. */
const ATTEMPTS = 2;

describe.skipIf(process.platform !== 'linux')('memory, after asymmetric work', () => {
  let keystead: StartedKeystead;
  let kms: KMSClient;
  /** Keys that we brought: they live in the HSM and nowhere else. */
  const own = new Map<string, Uint8Array>();
  /** What was handed out, and is nobody's any more. */
  const passing = new Map<string, Uint8Array>();
  let found = new Map<string, Map<string, number>>();

  beforeAll(async () => {
    keystead = await startKeystead();
    kms = new KMSClient(keystead.clientConfig);
    await signWithOwnKeys();
    await handOut();
    found = scanned();
  }, 240_000);
  afterAll(async () => {
    kms.destroy();
    await keystead.stop();
  });

  /** Makes and uses what is nobody's any more afterwards. */
  async function handOut(): Promise<void> {
    await makeDataKeyPairs();
    await shareSecrets();
    await decryptByRsa();
    // grpc-js keeps the last message of a stream until the next one: some without a secret.
    for (let i = 0; i < 8; i++) await kms.send(new GenerateRandomCommand({ NumberOfBytes: 8 }));
    const { KeyId } = await made({});
    await kms.send(new EncryptCommand({ KeyId, Plaintext: Buffer.alloc(4096, 1) }));
  }

  /** What is found in each process, the HSM first: what it has unwrapped stays for less than a minute. */
  function scanned(): typeof found {
    const there: typeof found = new Map();
    const scanner = new Scanner(new Map([...bothWays(own), ...bothWays(passing)]));
    const tree = processTree(keystead.pid).sort(
      (a, b) => Number(b.name === 'hsm-service') - Number(a.name === 'hsm-service'),
    );
    const shared = new Set<string>();
    for (const { pid, name } of tree)
      there.set(name, new Map([...(there.get(name) ?? []), ...scanProcess(pid, scanner, shared)]));
    return there;
  }

  async function made(input: CreateKeyCommandInput): Promise<{ KeyId: string; Arn: string }> {
    const { KeyMetadata } = await kms.send(new CreateKeyCommand(input));
    return KeyMetadata as { KeyId: string; Arn: string };
  }

  async function importInto(KeyId: string, material: Uint8Array): Promise<void> {
    const algorithm = 'RSA_AES_KEY_WRAP_SHA_256';
    const wrapping = { WrappingAlgorithm: algorithm, WrappingKeySpec: 'RSA_2048' } as const;
    const { PublicKey, ImportToken } = await kms.send(new GetParametersForImportCommand({ KeyId, ...wrapping }));
    const EncryptedKeyMaterial = wrapped(spkiKey(PublicKey as Uint8Array), material);
    const ExpirationModel = 'KEY_MATERIAL_DOES_NOT_EXPIRE';
    await kms.send(new ImportKeyMaterialCommand({ KeyId, ImportToken, EncryptedKeyMaterial, ExpirationModel }));
  }

  async function signWithOwnKeys(): Promise<void> {
    const pairs = [
      ['RSA_2048', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, 'RSASSA_PSS_SHA_256'],
      ['ECC_NIST_P384', generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey, 'ECDSA_SHA_384'],
      ['ECC_NIST_EDWARDS25519', generateKeyPairSync('ed25519').privateKey, 'ED25519_SHA_512'],
    ] as const satisfies readonly (readonly [string, KeyObject, SigningAlgorithmSpec])[];
    for (const [KeySpec, privateKey, SigningAlgorithm] of pairs) {
      const { KeyId } = await made({ KeySpec, KeyUsage: 'SIGN_VERIFY', Origin: 'EXTERNAL' });
      await importInto(KeyId, privateKey.export({ format: 'der', type: 'pkcs8' }));
      own.set(`own ${KeySpec}`, secretOf(privateKey));
      for (let i = 0; i < 5; i++) await kms.send(new SignCommand({ KeyId, Message, SigningAlgorithm }));
      if (SigningAlgorithm === 'ED25519_SHA_512') continue;
      const digest = Buffer.alloc(SigningAlgorithm.endsWith('384') ? 48 : 32, 1);
      const ready = { KeyId, Message: digest, MessageType: 'DIGEST', SigningAlgorithm } as const;
      for (let i = 0; i < 5; i++) await kms.send(new SignCommand(ready));
    }
    const material = randomBytes(64);
    const { KeyId } = await made({ KeySpec: 'HMAC_512', KeyUsage: 'GENERATE_VERIFY_MAC', Origin: 'EXTERNAL' });
    await importInto(KeyId, material);
    own.set('own HMAC_512', material);
    await kms.send(new GenerateMacCommand({ KeyId, Message, MacAlgorithm: 'HMAC_SHA_512' }));
  }

  async function makeDataKeyPairs(): Promise<void> {
    const { KeyId } = await made({});
    const specs: readonly DataKeyPairSpec[] = ['RSA_2048', 'ECC_NIST_P256', 'ECC_NIST_EDWARDS25519'];
    for (const KeyPairSpec of specs) {
      const pair = await kms.send(new GenerateDataKeyPairCommand({ KeyId, KeyPairSpec }));
      const key = Buffer.from(pair.PrivateKeyPlaintext as Uint8Array);
      passing.set(`data key pair ${KeyPairSpec}`, secretOf(createPrivateKey({ key, format: 'der', type: 'pkcs8' })));
      await kms.send(new DecryptCommand({ CiphertextBlob: pair.PrivateKeyCiphertextBlob }));
    }
    const kem = await kms.send(new GenerateDataKeyPairCommand({ KeyId, KeyPairSpec: 'ML_KEM_768' }));
    passing.set('data key pair ML_KEM_768', Buffer.from(kem.PrivateKeyPlaintext as Uint8Array).subarray(-32));
  }

  async function shareSecrets(): Promise<void> {
    const agreement = await made({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' });
    const peer = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const PublicKey = peer.publicKey.export({ format: 'der', type: 'spki' });
    const asked = { KeyId: agreement.KeyId, KeyAgreementAlgorithm: 'ECDH', PublicKey } as const;
    const { SharedSecret } = await kms.send(new DeriveSharedSecretCommand(asked));
    const publicKey = await publicKeyOf(agreement.KeyId);
    expect(diffieHellman({ privateKey: peer.privateKey, publicKey }).equals(SharedSecret as Uint8Array)).toBe(true);
    passing.set('ECDH', SharedSecret as Uint8Array);
    const kem = await made({ KeySpec: 'ML_KEM_768', KeyUsage: 'ENCAPSULATE_DECAPSULATE' });
    const capsule = { KeyId: kem.KeyId, EncapsulationAlgorithm: 'ML_KEM' } as const;
    const sent = await kms.send(new EncapsulateCommand(capsule));
    passing.set('ML-KEM', sent.SharedSecret as Uint8Array);
    const { SharedSecretCiphertextBlob } = sent;
    await kms.send(new DecapsulateCommand({ ...capsule, SharedSecretCiphertextBlob }));
  }

  async function decryptByRsa(): Promise<void> {
    const { KeyId } = await made({ KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' });
    const plaintext = randomBytes(32);
    const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
    const CiphertextBlob = publicEncrypt({ key: await publicKeyOf(KeyId), ...padding }, plaintext);
    await kms.send(new DecryptCommand({ KeyId, CiphertextBlob, EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' }));
    passing.set('RSA plaintext', plaintext);
  }

  async function publicKeyOf(KeyId: string): Promise<KeyObject> {
    const { PublicKey } = await kms.send(new GetPublicKeyCommand({ KeyId }));
    return spkiKey(PublicKey as Uint8Array);
  }

  test('the scan finds what is there, back to front too', () => {
    const inHsm = [...(found.get('hsm-service')?.keys() ?? [])];
    expect(inHsm.some((name) => name.startsWith('own HMAC'))).toBe(true);
    expect(inHsm).toContain('own RSA_2048, back to front');
  });

  test('private keys are in the HSM and nowhere else', () => {
    expect([...found.keys()]).toEqual(expect.arrayContaining(['kms-service', 'edge', 'postgres', 'launcher']));
    for (const [name, there] of found)
      if (name !== 'hsm-service')
        expect([name, ...[...there.keys()].filter((one) => one.startsWith('own '))]).toEqual([name]);
  });

  test('data key pairs, shared secrets and RSA plaintexts are gone five seconds after, everywhere', async () => {
    let left: string[] = [];
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      passing.clear();
      await handOut();
      await sleep(DATA_KEY_MS);
      left = [...scanned()].flatMap(([name, there]) =>
        [...there.keys()].flatMap((one) => (one.startsWith('own ') ? [] : [`${name}: ${one}`])),
      );
      if (left.length === 0) break;
    }
    expect(left).toEqual([]);
  }, 120_000);
});

const spkiKey = (der: Uint8Array): KeyObject => createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' });

/** RSA_AES_KEY_WRAP_SHA_256: a fresh AES key under OAEP, and the material under that by RFC 5649. */
function wrapped(key: KeyObject, material: Uint8Array): Buffer {
  const aes = randomBytes(32);
  const cipher = createCipheriv('id-aes256-wrap-pad' as never, aes, Buffer.from('a65959a6', 'hex'));
  const oaep = { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
  return Buffer.concat([publicEncrypt(oaep, aes), cipher.update(material), cipher.final()]);
}

/** The part of a private key that is secret, and all of it: a scalar, a seed, a prime. */
function secretOf(key: KeyObject): Uint8Array {
  const { d, p } = key.export({ format: 'jwk' });
  return Buffer.from(p ?? d ?? '', 'base64url');
}

function bothWays(secrets: Secrets): [string, Uint8Array][] {
  return [...secrets].flatMap(([name, bytes]): [string, Uint8Array][] => [
    [name, bytes],
    [`${name}, back to front`, Uint8Array.from(bytes).reverse()],
  ]);
}
