import * as sdk from '@aws-sdk/client-kms';
import {
  CreateAliasCommand,
  CreateGrantCommand,
  DisableKeyCommand,
  EncryptCommand,
  GetKeyPolicyCommand,
  ScheduleKeyDeletionCommand,
  type CreateKeyCommandInput,
} from '@aws-sdk/client-kms';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { wire, type Wire } from './kms.js';

// The table "Key states and their effect" of the developer guide, cell by cell, each with a key of its own.
// https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html

let w: Wire;
let peer: Uint8Array;
let other = '';
beforeAll(async () => {
  w = await wire();
  peer = await w.spki((await w.createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' })).KeyId);
  other = (await w.createKey()).KeyId;
});
afterAll(() => w[Symbol.asyncDispose]());

const states = ['Enabled', 'Disabled', 'PendingImport', 'PendingDeletion'] as const;
type State = (typeof states)[number];

/** What a cell of the table says; "none" where no key can be in that state, "new" where it has nothing to act on. */
type Cell = 'ok' | 'disabled' | 'dying' | 'not dying' | 'importing' | 'external' | 'not external' | 'none';

const refusals: Readonly<Record<Exclude<Cell, 'ok' | 'none'>, (arn: string) => object>> = {
  disabled: (arn) => ({ name: 'DisabledException', message: `${arn} is disabled.` }),
  dying: (arn) => ({ name: 'KMSInvalidStateException', message: `${arn} is pending deletion.` }),
  'not dying': (arn) => ({ name: 'KMSInvalidStateException', message: `${arn} is not pending deletion.` }),
  importing: (arn) => ({ name: 'KMSInvalidStateException', message: `${arn} is pending import.` }),
  external: (arn) => ({
    ...{ name: 'UnsupportedOperationException' },
    message: `${arn} origin is EXTERNAL which is not valid for this operation.`,
  }),
  'not external': (arn) => ({
    ...{ name: 'UnsupportedOperationException' },
    message: `${arn} origin is AWS_KMS which is not valid for this operation.`,
  }),
};

const kinds = {
  symmetric: {},
  signing: { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' },
  hmac: { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' },
  agreement: { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' },
  kem: { KeySpec: 'ML_KEM_512', KeyUsage: 'ENCAPSULATE_DECAPSULATE' },
} as const satisfies Record<string, CreateKeyCommandInput>;
type Kind = keyof typeof kinds;

/** A key in a state, and what was made with it before it came to that. */
interface Made {
  readonly KeyId: string;
  readonly Arn: string;
  readonly CiphertextBlob: Uint8Array;
  readonly GrantId: string;
  readonly alias: string;
  readonly policy: string;
}

async function keyIn(state: State, kind: Kind, external: boolean): Promise<Made> {
  const Origin = external || state === 'PendingImport' ? 'EXTERNAL' : 'AWS_KMS';
  const { KeyId, Arn } = await w.createKey({ ...kinds[kind], Origin });
  const alias = `alias/${randomBytes(8).toString('hex')}`;
  await w.kms.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: KeyId }));
  const { Policy = '' } = await w.kms.send(new GetKeyPolicyCommand({ KeyId }));
  const canEncrypt = kind === 'symmetric' && Origin === 'AWS_KMS';
  const Plaintext = Buffer.from('x');
  // Where the key has made none, one of another key: the state is looked at before.
  const sealed = await w.kms.send(new EncryptCommand({ KeyId: canEncrypt ? KeyId : other, Plaintext }));
  let GrantId = '0'.repeat(64);
  if (Origin === 'AWS_KMS') {
    const grant = { KeyId, GranteePrincipal: 'arn:aws:iam::000000000000:root', Operations: ['DescribeKey'] } as const;
    GrantId = (await w.kms.send(new CreateGrantCommand({ ...grant, Operations: [...grant.Operations] }))).GrantId ?? '';
  }
  if (state === 'Disabled') await w.kms.send(new DisableKeyCommand({ KeyId }));
  if (state === 'PendingDeletion') await w.kms.send(new ScheduleKeyDeletionCommand({ KeyId }));
  return { KeyId, Arn, CiphertextBlob: sealed.CiphertextBlob ?? new Uint8Array(), GrantId, alias, policy: Policy };
}

interface Row {
  readonly operation: string;
  readonly kind: Kind;
  readonly input: (made: Made) => object;
  /** In the order of `states`. */
  readonly cells: readonly [Cell, Cell, Cell, Cell];
  /** The key is an imported one in every state. */
  readonly external?: boolean;
  /** What the operation says when the state lets it: garbage was given. */
  readonly beyond?: string;
}

const onKey = ({ KeyId }: Made): object => ({ KeyId });
const withKey =
  (input: object) =>
  ({ KeyId }: Made): object => ({ KeyId, ...input });
const cryptographic = ['ok', 'disabled', 'importing', 'dying'] as const;
const withoutImport = ['ok', 'disabled', 'none', 'dying'] as const;
const always = ['ok', 'ok', 'ok', 'ok'] as const;
const notDying = ['ok', 'ok', 'ok', 'dying'] as const;
const Message = Buffer.from('m');
const signing = { Message, SigningAlgorithm: 'ECDSA_SHA_256' };
const mac = { Message, MacAlgorithm: 'HMAC_SHA_256' };
const wrapping = { WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' };
const material = { ImportToken: randomBytes(99), EncryptedKeyMaterial: randomBytes(256) };
const importing = { ...material, ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' };
const grantee = { GranteePrincipal: 'arn:aws:iam::000000000000:root', Operations: ['Decrypt'] };
const symmetric = (operation: string, input: Row['input'], cells: Row['cells']): Row => ({
  ...{ operation, kind: 'symmetric', input, cells },
});

const table: readonly Row[] = [
  symmetric('Encrypt', withKey({ Plaintext: Message }), cryptographic),
  symmetric('Decrypt', ({ KeyId, CiphertextBlob }) => ({ KeyId, CiphertextBlob }), cryptographic),
  symmetric(
    'ReEncrypt',
    ({ KeyId, CiphertextBlob }) => ({ SourceKeyId: KeyId, CiphertextBlob, DestinationKeyId: other }),
    cryptographic,
  ),
  symmetric('GenerateDataKey', withKey({ KeySpec: 'AES_256' }), cryptographic),
  symmetric('GenerateDataKeyWithoutPlaintext', withKey({ KeySpec: 'AES_256' }), cryptographic),
  symmetric('GenerateDataKeyPair', withKey({ KeyPairSpec: 'ECC_NIST_P256' }), cryptographic),
  symmetric('GenerateDataKeyPairWithoutPlaintext', withKey({ KeyPairSpec: 'ECC_NIST_P256' }), cryptographic),
  { operation: 'Sign', kind: 'signing', input: withKey(signing), cells: cryptographic },
  {
    ...{ operation: 'Verify', kind: 'signing', input: withKey({ ...signing, Signature: randomBytes(70) }) },
    ...{ cells: cryptographic, beyond: 'KMSInvalidSignatureException' },
  },
  { operation: 'GetPublicKey', kind: 'signing', input: onKey, cells: cryptographic },
  { operation: 'GenerateMac', kind: 'hmac', input: withKey(mac), cells: cryptographic },
  {
    ...{ operation: 'VerifyMac', kind: 'hmac', input: withKey({ ...mac, Mac: randomBytes(32) }) },
    ...{ cells: cryptographic, beyond: 'KMSInvalidMacException' },
  },
  {
    ...{ operation: 'DeriveSharedSecret', kind: 'agreement', cells: cryptographic },
    input: ({ KeyId }) => ({ KeyId, KeyAgreementAlgorithm: 'ECDH', PublicKey: peer }),
  },
  {
    ...{ operation: 'Encapsulate', kind: 'kem', input: withKey({ EncapsulationAlgorithm: 'ML_KEM' }) },
    cells: withoutImport,
  },
  {
    ...{ operation: 'Decapsulate', kind: 'kem', cells: withoutImport },
    input: withKey({ EncapsulationAlgorithm: 'ML_KEM', SharedSecretCiphertextBlob: randomBytes(768) }),
  },
  symmetric('CreateGrant', withKey(grantee), cryptographic),
  symmetric('ListGrants', onKey, always),
  symmetric('RetireGrant', ({ KeyId, GrantId }) => ({ KeyId, GrantId }), ['ok', 'ok', 'none', 'ok']),
  symmetric('RevokeGrant', ({ KeyId, GrantId }) => ({ KeyId, GrantId }), ['ok', 'ok', 'none', 'ok']),
  symmetric('EnableKey', onKey, ['ok', 'ok', 'importing', 'dying']),
  symmetric('DisableKey', onKey, ['ok', 'ok', 'importing', 'dying']),
  symmetric('ScheduleKeyDeletion', onKey, notDying),
  symmetric('CancelKeyDeletion', onKey, ['not dying', 'not dying', 'not dying', 'ok']),
  symmetric('CreateAlias', ({ KeyId, alias }) => ({ AliasName: `${alias}-another`, TargetKeyId: KeyId }), notDying),
  symmetric('DeleteAlias', ({ alias }) => ({ AliasName: alias }), always),
  symmetric('ListAliases', onKey, always),
  symmetric('TagResource', withKey({ Tags: [{ TagKey: 'a', TagValue: 'b' }] }), notDying),
  symmetric('UntagResource', withKey({ TagKeys: ['a'] }), notDying),
  symmetric('ListResourceTags', onKey, always),
  symmetric('UpdateKeyDescription', withKey({ Description: 'd' }), notDying),
  symmetric('EnableKeyRotation', onKey, ['ok', 'disabled', 'external', 'dying']),
  symmetric('DisableKeyRotation', onKey, ['ok', 'disabled', 'external', 'dying']),
  symmetric('GetKeyRotationStatus', onKey, ['ok', 'ok', 'external', 'ok']),
  symmetric('RotateKeyOnDemand', onKey, ['ok', 'disabled', 'importing', 'dying']),
  symmetric('ListKeyRotations', onKey, always),
  symmetric('GetParametersForImport', withKey(wrapping), ['not external', 'not external', 'ok', 'not external']),
  {
    ...{ operation: 'GetParametersForImport', kind: 'symmetric', input: withKey(wrapping), external: true },
    cells: ['none', 'none', 'ok', 'dying'],
  },
  {
    ...symmetric('ImportKeyMaterial', withKey(importing), ['not external', 'not external', 'ok', 'not external']),
    beyond: 'InvalidImportTokenException',
  },
  {
    ...symmetric('ImportKeyMaterial', withKey(importing), ['none', 'none', 'ok', 'dying']),
    ...{ external: true, beyond: 'InvalidImportTokenException' },
  },
  symmetric('DeleteImportedKeyMaterial', onKey, ['not external', 'not external', 'ok', 'not external']),
  symmetric('DescribeKey', onKey, always),
  symmetric('GetKeyPolicy', onKey, always),
  symmetric('PutKeyPolicy', ({ KeyId, policy }) => ({ KeyId, Policy: policy }), always),
  symmetric('ListKeyPolicies', onKey, always),
];

type Send = Parameters<Wire['kms']['send']>[0];

function command(name: string, input: object): Send {
  const Command = (sdk as unknown as Record<string, new (input: object) => Send>)[`${name}Command`];
  if (!Command) throw new Error(`${name} is not in the SDK`);
  return new Command(input);
}

describe.each(table.map((row) => [`${row.operation}${row.external ? ' of imported material' : ''}`, row] as const))(
  '%s',
  (_, { operation, kind, input, cells, external = false, beyond }) => {
    const there = states.flatMap((state, index) => (cells[index] === 'none' ? [] : [[state, cells[index]] as const]));
    test.each(there)('%s: %s', async (state, cell) => {
      const made = await keyIn(state, kind, external);
      const answer = w.kms.send(command(operation, input(made)));
      if (cell === 'ok' && beyond === undefined) await expect(answer).resolves.toBeDefined();
      else if (cell === 'ok') await expect(answer).rejects.toMatchObject({ name: beyond });
      else
        await expect(answer).rejects.toMatchObject({
          ...refusals[cell as keyof typeof refusals](made.Arn),
          $metadata: { httpStatusCode: 400 },
        });
    });
  },
);

test('an alias leaves a key that is pending deletion, and never goes to one', async () => {
  const dying = await keyIn('PendingDeletion', 'symmetric', false);
  const usable = await keyIn('Enabled', 'symmetric', false);
  const move = (AliasName: string, TargetKeyId: string) =>
    w.kms.send(command('UpdateAlias', { AliasName, TargetKeyId }));
  await expect(move(usable.alias, dying.KeyId)).rejects.toMatchObject(refusals.dying(dying.Arn));
  await expect(move(dying.alias, usable.KeyId)).resolves.toBeDefined();
});

test('every operation on a key is in the table', () => {
  const elsewhere = ['CreateKey', 'ListKeys', 'GenerateRandom', 'ListRetirableGrants', 'UpdateAlias'];
  const later = [
    ...['ConnectCustomKeyStore', 'CreateCustomKeyStore', 'DeleteCustomKeyStore', 'DescribeCustomKeyStores'],
    ...['DisconnectCustomKeyStore', 'GetKeyLastUsage', 'ReplicateKey', 'UpdateCustomKeyStore', 'UpdatePrimaryRegion'],
  ];
  const all = Object.keys(sdk).flatMap((name) => (/^[A-Z]\w+Command$/.test(name) ? [name.slice(0, -7)] : []));
  const known = [...new Set(table.map(({ operation }) => operation)), ...elsewhere, ...later];
  expect(known.sort()).toEqual(all.filter((name) => name !== '').sort());
});
