// Signatures, key agreement and imported keys over gRPC, each checked by OpenSSL.
//
//   node dist/cli/main.mjs client-cert --principal arn:aws:iam::000000000000:user/administrator --out client-cert
//   npx tsx --conditions=@keystead/source examples/grpc-client/src/asymmetric.ts
import {
  constants,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
  verify,
} from 'node:crypto';
import { createKmsClient } from '@keystead/client';

using kms = createKmsClient({
  endpoint: process.env['KEYSTEAD_KMS'] ?? '127.0.0.1:4568',
  tls: process.env['KEYSTEAD_CLIENT_CERT'] ?? 'client-cert',
});

const newKey = async (keySpec: string, keyUsage: string, origin = 'AWS_KMS'): Promise<string> =>
  (await kms.createKey({ keySpec, keyUsage, origin })).keyMetadata?.arn ?? '';
const publicKeyOf = async (keyId: string) =>
  createPublicKey({ key: Buffer.from((await kms.getPublicKey({ keyId })).publicKey), format: 'der', type: 'spki' });

// A signature that anybody verifies with the public key.
const signing = await newKey('ECC_NIST_P256', 'SIGN_VERIFY');
const message = Buffer.from('a release');
const { signature } = await kms.sign({ keyId: signing, message, signingAlgorithm: 'ECDSA_SHA_256' });
console.log(`OpenSSL verifies: ${verify('sha256', message, await publicKeyOf(signing), signature)}`);

// A secret shared with somebody who has a key pair of their own.
const agreement = await newKey('ECC_NIST_P384', 'KEY_AGREEMENT');
const peer = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const publicKey = peer.publicKey.export({ format: 'der', type: 'spki' });
const { sharedSecret } = await kms.deriveSharedSecret({ keyId: agreement, keyAgreementAlgorithm: 'ECDH', publicKey });
const theirs = diffieHellman({ privateKey: peer.privateKey, publicKey: await publicKeyOf(agreement) });
console.log(`the same secret on both sides: ${theirs.equals(sharedSecret)}`);

// A post-quantum secret: sent as a capsule, opened by the key.
const kem = { keyId: await newKey('ML_KEM_768', 'ENCAPSULATE_DECAPSULATE'), encapsulationAlgorithm: 'ML_KEM' };
const sent = await kms.encapsulate(kem);
const { sharedSecretCiphertextBlob } = sent;
const opened = await kms.decapsulate({ ...kem, sharedSecretCiphertextBlob });
console.log(`the capsule opens: ${Buffer.from(opened.sharedSecret).equals(sent.sharedSecret)}`);

// An HMAC key that we bring.
const own = await newKey('HMAC_256', 'GENERATE_VERIFY_MAC', 'EXTERNAL');
const wrapping = { wrappingAlgorithm: 'RSAES_OAEP_SHA_256', wrappingKeySpec: 'RSA_3072' };
const parameters = await kms.getParametersForImport({ keyId: own, ...wrapping }, { timeoutMs: 60_000 });
const wrappingKey = createPublicKey({ key: Buffer.from(parameters.publicKey), format: 'der', type: 'spki' });
const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
await kms.importKeyMaterial({
  ...{ keyId: own, importToken: parameters.importToken, expirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' },
  encryptedKeyMaterial: publicEncrypt({ key: wrappingKey, ...oaep }, randomBytes(32)),
});
const { mac } = await kms.generateMac({ keyId: own, message, macAlgorithm: 'HMAC_SHA_256' });
console.log(`a MAC of ${mac.length} bytes under a key of our own`);

for (const keyId of [signing, agreement, kem.keyId, own])
  await kms.scheduleKeyDeletion({ keyId, pendingWindowInDays: 7 });
