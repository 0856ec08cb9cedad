import * as sdk from '@aws-sdk/client-kms';
import {
  CreateGrantCommand,
  DisableKeyCommand,
  EncapsulateCommand,
  EncryptCommand,
  GenerateMacCommand,
  GetPublicKeyCommand,
  ListGrantsCommand,
  SignCommand,
} from '@aws-sdk/client-kms';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refused, wire, type Wire, type WireUser } from './kms.js';

let w: Wire;
let nobody: WireUser;
let cases: readonly Case[] = [];

/** A call that would succeed. */
interface Case {
  readonly name: string;
  readonly input: Record<string, unknown>;
  /** What only the HSM finds wrong. */
  readonly wrong?: { readonly input: Record<string, unknown>; readonly error: string };
}

type Send = Parameters<Wire['kms']['send']>[0];

/** A command of the SDK by its name. */
function command(name: string, input: object): Send {
  const Command = (sdk as unknown as Record<string, new (input: object) => Send>)[`${name}Command`];
  if (!Command) throw new Error(`${name} is not in the SDK`);
  return new Command(input);
}

const succeeded = {
  ...{ name: 'DryRunOperationException', message: 'The request would have succeeded, but the DryRun option is set.' },
  $metadata: { httpStatusCode: 400 },
};
const flipped = (bytes: Uint8Array | undefined): Uint8Array =>
  Uint8Array.from(bytes ?? [], (byte, index) => (index === 20 ? byte ^ 1 : byte));

beforeAll(async () => {
  w = await wire();
  nobody = await w.user('nobody');
  const symmetric = (await w.createKey()).KeyId;
  const other = (await w.createKey()).KeyId;
  const curve = (await w.createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })).KeyId;
  const agreement = (await w.createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' })).KeyId;
  const hmac = (await w.createKey({ KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' })).KeyId;
  const kem = (await w.createKey({ KeySpec: 'ML_KEM_512', KeyUsage: 'ENCAPSULATE_DECAPSULATE' })).KeyId;
  const Message = randomBytes(20);
  const signing = { KeyId: curve, Message, SigningAlgorithm: 'ECDSA_SHA_256' } as const;
  const mac = { KeyId: hmac, Message, MacAlgorithm: 'HMAC_SHA_256' } as const;
  const capsule = { KeyId: kem, EncapsulationAlgorithm: 'ML_KEM' } as const;
  const { CiphertextBlob } = await w.kms.send(new EncryptCommand({ KeyId: symmetric, Plaintext: Message }));
  const { Signature } = await w.kms.send(new SignCommand(signing));
  const { Mac } = await w.kms.send(new GenerateMacCommand(mac));
  const { SharedSecretCiphertextBlob } = await w.kms.send(new EncapsulateCommand(capsule));
  const { PublicKey } = await w.kms.send(new GetPublicKeyCommand({ KeyId: agreement }));
  const grantee = { GranteePrincipal: nobody.arn, Operations: ['RetireGrant'] } as const;
  // Retired by whoever may retire it; the grantee may not use the key by it.
  const { GrantId } = await w.kms.send(
    new CreateGrantCommand({ ...grantee, KeyId: other, Operations: ['DescribeKey'] }),
  );
  const dataKeyPair = { KeyId: symmetric, KeyPairSpec: 'ECC_NIST_P256' };
  const ecdh = { KeyId: agreement, KeyAgreementAlgorithm: 'ECDH' };
  cases = [
    { name: 'CreateGrant', input: { KeyId: symmetric, GranteePrincipal: nobody.arn, Operations: ['Encrypt'] } },
    { name: 'RetireGrant', input: { KeyId: other, GrantId } },
    { name: 'RevokeGrant', input: { KeyId: other, GrantId } },
    { name: 'Encrypt', input: { KeyId: symmetric, Plaintext: Message } },
    {
      ...{ name: 'Decrypt', input: { CiphertextBlob } },
      wrong: { input: { CiphertextBlob: flipped(CiphertextBlob) }, error: 'InvalidCiphertext' },
    },
    {
      ...{ name: 'ReEncrypt', input: { CiphertextBlob, DestinationKeyId: other } },
      wrong: { input: { SourceEncryptionContext: { not: 'its own' } }, error: 'InvalidCiphertext' },
    },
    { name: 'GenerateDataKey', input: { KeyId: symmetric, KeySpec: 'AES_256' } },
    { name: 'GenerateDataKeyWithoutPlaintext', input: { KeyId: symmetric, KeySpec: 'AES_256' } },
    { name: 'GenerateDataKeyPair', input: dataKeyPair },
    { name: 'GenerateDataKeyPairWithoutPlaintext', input: dataKeyPair },
    { name: 'Sign', input: signing },
    {
      ...{ name: 'Verify', input: { ...signing, Signature } },
      wrong: { input: { Signature: flipped(Signature) }, error: 'KMSInvalidSignature' },
    },
    { name: 'GenerateMac', input: mac },
    {
      ...{ name: 'VerifyMac', input: { ...mac, Mac } },
      wrong: { input: { Mac: flipped(Mac) }, error: 'KMSInvalidMac' },
    },
    {
      ...{ name: 'DeriveSharedSecret', input: { ...ecdh, PublicKey } },
      wrong: { input: { PublicKey: PublicKey?.subarray(1) }, error: 'Validation' },
    },
    { name: 'Encapsulate', input: capsule },
    {
      ...{ name: 'Decapsulate', input: { ...capsule, SharedSecretCiphertextBlob } },
      wrong: { input: { SharedSecretCiphertextBlob: Buffer.alloc(767) }, error: 'InvalidCiphertext' },
    },
  ];
});
afterAll(() => w[Symbol.asyncDispose]());

/** The requests of the SDK's own model that have DryRun. */
const modelled = Object.entries(sdk as unknown as Record<string, unknown>).flatMap(([name, schema]) =>
  /Request\$$/.test(name) && Array.isArray(schema) && (schema[4] as string[]).includes('DryRun')
    ? [name.slice(0, -'Request$'.length)]
    : [],
);

test('every operation that has it in the API model', async () => {
  expect(cases.map(({ name }) => name).sort()).toEqual([...modelled].sort());
  for (const { name, input } of cases)
    await expect(w.kms.send(command(name, { ...input, DryRun: true })), name).rejects.toMatchObject(succeeded);
});

test('a caller who is not allowed hears that, as without it', async () => {
  for (const { name, input } of cases)
    await expect(nobody.kms.send(command(name, { ...input, DryRun: true })), name).rejects.toMatchObject({
      ...refused('AccessDenied'),
      $metadata: { httpStatusCode: 400 },
    });
});

test('what would have failed says how', async () => {
  const wrongs = cases.flatMap(({ name, input, wrong }) => (wrong ? [{ name, input, wrong }] : []));
  expect(wrongs.length).toBe(6);
  for (const { name, input, wrong } of wrongs)
    await expect(w.kms.send(command(name, { ...input, ...wrong.input, DryRun: true })), name).rejects.toMatchObject(
      refused(wrong.error),
    );
});

describe('IGNORE_CIPHERTEXT', () => {
  test('asks for permissions only, of the key that is named', async () => {
    const KeyId = (await w.createKey()).KeyId;
    const dry = { DryRun: true, DryRunModifiers: ['IGNORE_CIPHERTEXT'] };
    const garbage = { CiphertextBlob: Buffer.from('no ciphertext') };
    for (const blob of [{}, garbage]) {
      await expect(w.kms.send(command('Decrypt', { KeyId, ...blob, ...dry }))).rejects.toMatchObject(succeeded);
      const moved = { SourceKeyId: KeyId, DestinationKeyId: KeyId, ...blob, ...dry };
      await expect(w.kms.send(command('ReEncrypt', moved))).rejects.toMatchObject(succeeded);
      await expect(nobody.kms.send(command('Decrypt', { KeyId, ...blob, ...dry }))).rejects.toMatchObject(
        refused('AccessDenied'),
      );
      await expect(w.kms.send(command('Decrypt', { ...blob, ...dry }))).rejects.toMatchObject(refused('Validation'));
    }
    const wet = { KeyId, DryRunModifiers: ['IGNORE_CIPHERTEXT'] };
    await expect(w.kms.send(command('Decrypt', wet))).rejects.toMatchObject(refused('Validation'));
  });
});

test('the state of the key counts, and nothing is left behind', async () => {
  const before = await w.kms.send(new ListGrantsCommand({ KeyId: cases[0]?.input['KeyId'] as string }));
  expect(before.Grants).toEqual([]);
  const kept = await w.kms.send(new ListGrantsCommand({ KeyId: cases[1]?.input['KeyId'] as string }));
  expect(kept.Grants).toHaveLength(1);
  const { KeyId } = await w.createKey();
  await w.kms.send(new DisableKeyCommand({ KeyId }));
  await expect(
    w.kms.send(new EncryptCommand({ KeyId, Plaintext: Buffer.from('x'), DryRun: true })),
  ).rejects.toMatchObject(refused('Disabled'));
});

test('records of dry runs say so', async () => {
  const records = (await w.records('Decrypt')).filter(({ errorCode }) => errorCode === 'DryRunOperationException');
  expect(records.length).toBeGreaterThan(0);
  for (const record of records) expect(record).toMatchObject({ requestParameters: { dryRun: true } });
});
