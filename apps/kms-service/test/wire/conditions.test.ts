import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  IAMClient,
  PutUserPolicyCommand,
  type CreateUserCommandOutput,
} from '@aws-sdk/client-iam';
import {
  DeriveSharedSecretCommand,
  GenerateDataKeyPairCommand,
  GenerateMacCommand,
  GetParametersForImportCommand,
  KMSClient,
  SignCommand,
} from '@aws-sdk/client-kms';
import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { wire, type Wire } from './kms.js';

let w: Wire;
let user: KMSClient;

/** A user who may do everything with these values and nothing with others. */
const only = {
  'kms:SigningAlgorithm': 'ECDSA_SHA_256',
  'kms:MessageType': 'DIGEST',
};
const statement = (Action: string, StringEquals: Record<string, string>) => ({
  ...{ Effect: 'Allow', Action, Resource: '*', Condition: { StringEquals } },
});

beforeAll(async () => {
  w = await wire();
  const iam = new IAMClient({ ...w.system.clientConfig, maxAttempts: 1 });
  const UserName = 'signer';
  const { User }: CreateUserCommandOutput = await iam.send(new CreateUserCommand({ UserName }));
  expect(User?.UserName).toBe(UserName);
  const document = {
    Version: '2012-10-17',
    Statement: [
      statement('kms:Sign', only),
      statement('kms:GenerateMac', { 'kms:MacAlgorithm': 'HMAC_SHA_256' }),
      statement('kms:GenerateDataKeyPair', { 'kms:DataKeyPairSpec': 'ECC_NIST_P256' }),
      statement('kms:DeriveSharedSecret', { 'kms:KeyAgreementAlgorithm': 'ECDH', 'kms:KeySpec': 'ECC_NIST_P256' }),
      statement('kms:GetParametersForImport', {
        'kms:WrappingAlgorithm': 'RSAES_OAEP_SHA_256',
        'kms:WrappingKeySpec': 'RSA_2048',
      }),
    ],
  };
  const PolicyDocument = JSON.stringify(document);
  await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: 'own', PolicyDocument }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
  const credentials = {
    accessKeyId: AccessKey?.AccessKeyId ?? '',
    secretAccessKey: AccessKey?.SecretAccessKey ?? '',
  };
  user = new KMSClient({ ...w.system.clientConfig, credentials, maxAttempts: 1 });
  iam.destroy();
});
afterAll(async () => {
  user.destroy();
  await w[Symbol.asyncDispose]();
});

const denied = { name: 'AccessDeniedException' };

describe('condition keys of the request', () => {
  test('kms:SigningAlgorithm and kms:MessageType', async () => {
    const { KeyId } = await w.createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' });
    const sign = (MessageType: 'RAW' | 'DIGEST') =>
      user.send(new SignCommand({ KeyId, Message: Buffer.alloc(32), MessageType, SigningAlgorithm: 'ECDSA_SHA_256' }));
    await expect(sign('DIGEST')).resolves.toBeDefined();
    await expect(sign('RAW')).rejects.toMatchObject(denied);
  });

  test('kms:MacAlgorithm', async () => {
    const mac = async (bits: 256 | 512) => {
      const { KeyId } = await w.createKey({ KeySpec: `HMAC_${bits}`, KeyUsage: 'GENERATE_VERIFY_MAC' });
      return user.send(new GenerateMacCommand({ KeyId, Message: Buffer.from('x'), MacAlgorithm: `HMAC_SHA_${bits}` }));
    };
    await expect(mac(256)).resolves.toBeDefined();
    await expect(mac(512)).rejects.toMatchObject(denied);
  });

  test('kms:DataKeyPairSpec', async () => {
    const { KeyId } = await w.createKey();
    const pair = (KeyPairSpec: 'ECC_NIST_P256' | 'ECC_NIST_P384') =>
      user.send(new GenerateDataKeyPairCommand({ KeyId, KeyPairSpec }));
    await expect(pair('ECC_NIST_P256')).resolves.toBeDefined();
    await expect(pair('ECC_NIST_P384')).rejects.toMatchObject(denied);
  });

  test('kms:KeyAgreementAlgorithm', async () => {
    const { KeyId } = await w.createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' });
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const PublicKey = publicKey.export({ format: 'der', type: 'spki' });
    const asked = new DeriveSharedSecretCommand({ KeyId, KeyAgreementAlgorithm: 'ECDH', PublicKey });
    await expect(user.send(asked)).resolves.toBeDefined();
  });

  test('kms:WrappingAlgorithm and kms:WrappingKeySpec', async () => {
    const { KeyId } = await w.createKey({ Origin: 'EXTERNAL' });
    const ask = (WrappingAlgorithm: 'RSAES_OAEP_SHA_1' | 'RSAES_OAEP_SHA_256') =>
      user.send(new GetParametersForImportCommand({ KeyId, WrappingAlgorithm, WrappingKeySpec: 'RSA_2048' }));
    await expect(ask('RSAES_OAEP_SHA_256')).resolves.toBeDefined();
    await expect(ask('RSAES_OAEP_SHA_1')).rejects.toMatchObject(denied);
  });
});
