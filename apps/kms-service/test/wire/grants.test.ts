import {
  CreateGrantCommand,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GetPublicKeyCommand,
  ListGrantsCommand,
  ListRetirableGrantsCommand,
  PutKeyPolicyCommand,
  ReEncryptCommand,
  RetireGrantCommand,
  RevokeGrantCommand,
  ScheduleKeyDeletionCommand,
  SignCommand,
  type CreateGrantCommandInput,
  type GrantOperation,
} from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refused, wire, type Wire, type WireUser } from './kms.js';

let w: Wire;
let alice: WireUser;
let bob: WireUser;
let carol: WireUser;
let KeyId: string;
let Arn: string;
const Plaintext = Buffer.from('x');
const denied = refused('AccessDenied');

beforeAll(async () => {
  w = await wire();
  alice = await w.user('alice');
  bob = await w.user('bob');
  carol = await w.user('carol');
  ({ KeyId, Arn } = await w.createKey());
});
afterAll(() => w[Symbol.asyncDispose]());

type Asked = Partial<CreateGrantCommandInput> & { readonly Operations: GrantOperation[] };

const grant = async (asked: Asked, by = w.kms) => {
  const GranteePrincipal = asked.GranteePrincipal ?? alice.arn;
  const { GrantId = '', GrantToken = '' } = await by.send(
    new CreateGrantCommand({ KeyId, ...asked, GranteePrincipal }),
  );
  return { GrantId, GrantToken };
};
const encrypt = ({ kms }: WireUser, EncryptionContext?: Record<string, string>, Key = KeyId) =>
  kms.send(new EncryptCommand({ KeyId: Key, Plaintext, EncryptionContext }));
const revoke = (GrantId: string, Key = KeyId) => w.kms.send(new RevokeGrantCommand({ KeyId: Key, GrantId }));

describe('what a grant allows', () => {
  test('its operations to its grantee, at once, until it is revoked', async () => {
    await expect(encrypt(alice)).rejects.toMatchObject(denied);
    const { GrantId, GrantToken } = await grant({ Operations: ['Encrypt', 'DescribeKey'] });
    expect(GrantId).toMatch(/^[0-9a-f]{64}$/);
    await expect(encrypt(alice)).resolves.toMatchObject({ KeyId: Arn });
    await expect(alice.kms.send(new DescribeKeyCommand({ KeyId }))).resolves.toBeDefined();
    const dataKey = new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256', GrantTokens: [GrantToken] });
    await expect(alice.kms.send(dataKey)).rejects.toMatchObject(denied);
    await expect(encrypt(bob)).rejects.toMatchObject(denied);
    await revoke(GrantId);
    await expect(encrypt(alice)).rejects.toMatchObject(denied);
    await expect(revoke(GrantId)).rejects.toMatchObject(refused('NotFound', `Grant ID ${GrantId} not found`));
  });

  test('only with the encryption context that it asks for, where the operation has one', async () => {
    const Operations: GrantOperation[] = ['Encrypt', 'DescribeKey'];
    const subset = await grant({ Operations, Constraints: { EncryptionContextSubset: { team: 'blue' } } });
    await expect(encrypt(alice, { team: 'blue', more: '1' })).resolves.toBeDefined();
    for (const context of [undefined, { team: 'red' }, { Team: 'blue' }, { more: '1' }])
      await expect(encrypt(alice, context)).rejects.toMatchObject(denied);
    await expect(alice.kms.send(new DescribeKeyCommand({ KeyId }))).resolves.toBeDefined();
    await revoke(subset.GrantId);
    const equals = await grant({ Operations, Constraints: { EncryptionContextEquals: { team: 'blue' } } });
    await expect(encrypt(alice, { team: 'blue' })).resolves.toBeDefined();
    await expect(encrypt(alice, { team: 'blue', more: '1' })).rejects.toMatchObject(denied);
    await revoke(equals.GrantId);
  });

  test('nothing that a policy denies', async () => {
    const dora = await w.user('dora', {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Deny', Action: 'kms:Encrypt', Resource: '*' }],
    });
    await grant({ GranteePrincipal: dora.arn, Operations: ['Encrypt', 'GenerateDataKey'] });
    await expect(encrypt(dora)).rejects.toMatchObject({ message: expect.stringContaining('explicit deny') as string });
    await expect(dora.kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }))).resolves.toBeDefined();
    const other = await w.createKey();
    await w.kms.send(
      new CreateGrantCommand({ KeyId: other.KeyId, GranteePrincipal: dora.arn, Operations: ['GenerateDataKey'] }),
    );
    const Statement = [
      {
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${other.AWSAccountId}:root` },
        Action: 'kms:*',
        Resource: '*',
      },
      { Effect: 'Deny', Principal: { AWS: dora.arn }, Action: 'kms:GenerateDataKey', Resource: '*' },
    ];
    const dataKey = new GenerateDataKeyCommand({ KeyId: other.KeyId, KeySpec: 'AES_256' });
    await expect(dora.kms.send(dataKey)).resolves.toBeDefined();
    await w.kms.send(
      new PutKeyPolicyCommand({ KeyId: other.KeyId, Policy: JSON.stringify({ Version: '2012-10-17', Statement }) }),
    );
    await expect(dora.kms.send(dataKey)).rejects.toMatchObject(denied);
  });

  test('an account decides with its own policies', async () => {
    const { AWSAccountId, KeyId: locked } = await w.createKey({
      BypassPolicyLockoutSafetyCheck: true,
      Policy: JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: { AWS: carol.arn }, Action: 'kms:CreateGrant', Resource: '*' }],
      }),
    });
    const root = `arn:aws:iam::${AWSAccountId}:root`;
    const erin = await w.user('erin', {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 'kms:Encrypt', Resource: '*' }],
    });
    await expect(encrypt(erin, undefined, locked)).rejects.toMatchObject(denied);
    await carol.kms.send(new CreateGrantCommand({ KeyId: locked, GranteePrincipal: root, Operations: ['Encrypt'] }));
    await expect(encrypt(erin, undefined, locked)).resolves.toBeDefined();
    await expect(encrypt(alice, undefined, locked)).rejects.toMatchObject(denied);
  });

  test('either side of ReEncrypt', async () => {
    const other = await w.createKey();
    const { CiphertextBlob } = await w.kms.send(new EncryptCommand({ KeyId, Plaintext }));
    const move = () => bob.kms.send(new ReEncryptCommand({ CiphertextBlob, DestinationKeyId: other.KeyId }));
    const from = await grant({ GranteePrincipal: bob.arn, Operations: ['ReEncryptFrom'] });
    await expect(move()).rejects.toMatchObject(denied);
    const to = await grant({ KeyId: other.KeyId, GranteePrincipal: bob.arn, Operations: ['ReEncryptTo'] });
    await expect(move()).resolves.toMatchObject({ KeyId: other.Arn });
    await revoke(from.GrantId);
    await expect(move()).rejects.toMatchObject(denied);
    await revoke(to.GrantId, other.KeyId);
  });

  test('keys of other kinds', async () => {
    const key = await w.createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' });
    await grant({ KeyId: key.KeyId, Operations: ['Sign', 'GetPublicKey'] });
    const asked = { KeyId: key.KeyId, Message: Plaintext, SigningAlgorithm: 'ECDSA_SHA_256' as const };
    await expect(alice.kms.send(new SignCommand(asked))).resolves.toBeDefined();
    await expect(alice.kms.send(new GetPublicKeyCommand({ KeyId: key.KeyId }))).resolves.toBeDefined();
    await expect(bob.kms.send(new SignCommand(asked))).rejects.toMatchObject(denied);
  });
});

describe('making grants', () => {
  const create = (asked: Asked) => grant(asked).then(({ GrantId }) => GrantId);

  test('the same name and contents are the same grant, with another token', async () => {
    const asked: Asked = { Name: 'backup', Operations: ['Encrypt', 'Decrypt'] };
    const first = await grant(asked);
    const again = await grant({ ...asked, Operations: ['Decrypt', 'Encrypt'] });
    expect(again.GrantId).toBe(first.GrantId);
    expect(again.GrantToken).not.toBe(first.GrantToken);
    const others = [
      await create({ ...asked, Operations: ['Decrypt'] }),
      await create({ ...asked, Constraints: { EncryptionContextEquals: { a: 'b' } } }),
      await create({ ...asked, RetiringPrincipal: bob.arn }),
      await create({ ...asked, Name: 'other' }),
    ];
    expect(new Set([first.GrantId, ...others]).size).toBe(5);
    for (const id of [first.GrantId, ...others]) await revoke(id);
  });

  test.each<[string, Asked, string, string | RegExp]>([
    [
      'an operation of other keys',
      { Operations: ['Sign'] },
      'Validation',
      /Grant operations \[Sign\] are not supported/,
    ],
    [
      'CreateGrant alone',
      { Operations: ['CreateGrant'] },
      'Validation',
      'Grants must not contain only the CreateGrant operation.',
    ],
    ['no operation', { Operations: [] }, 'Validation', /'operations'/],
    ['an unknown operation', { Operations: ['Destroy' as GrantOperation] }, 'Validation', /enum value set/],
    ['a name with spaces', { Operations: ['Encrypt'], Name: 'a b' }, 'Validation', /'name'/],
    [
      'an empty constraint',
      { Operations: ['Encrypt'], Constraints: { EncryptionContextEquals: {} } },
      'Validation',
      /encryptionContextEquals/,
    ],
    [
      'nine pairs',
      {
        Operations: ['Encrypt'],
        Constraints: {
          EncryptionContextSubset: Object.fromEntries(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'].map((c) => [c, c])),
        },
      },
      'Validation',
      /less than or equal to 8/,
    ],
    [
      '385 characters',
      { Operations: ['Encrypt'], Constraints: { EncryptionContextSubset: { a: 'x'.repeat(384) } } },
      'Validation',
      /384/,
    ],
    [
      'a source',
      { Operations: ['Encrypt'], Constraints: { SourceArn: 'arn:aws:s3:::b' } },
      'UnsupportedOperation',
      /SourceArn/,
    ],
    [
      'a service',
      { Operations: ['Encrypt'], GranteeServicePrincipal: 's3.amazonaws.com' },
      'UnsupportedOperation',
      /GranteeServicePrincipal/,
    ],
  ])('%s is refused', async (_, asked, name, message) => {
    const failed = create(asked);
    await expect(failed).rejects.toMatchObject(refused(name));
    await expect(failed).rejects.toThrow(message);
  });

  test.each([
    'arn:aws:iam::000000000000:user/nobody',
    'arn:aws:iam::000000000000:group/g',
    's3.amazonaws.com',
    'arn:aws:iam::123412341234:root',
  ])('a grantee that does not exist is refused: %s', async (principal) => {
    const expected = refused('InvalidArn', `ARN does not refer to a valid principal: ${principal}`);
    await expect(create({ GranteePrincipal: principal, Operations: ['Encrypt'] })).rejects.toMatchObject(expected);
    await expect(create({ RetiringPrincipal: principal, Operations: ['Encrypt'] })).rejects.toMatchObject(expected);
  });

  test('asymmetric keys take no constraint, and no alias names the key', async () => {
    const key = await w.createKey({ KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' });
    const Constraints = { EncryptionContextEquals: { a: 'b' } };
    await expect(create({ KeyId: key.KeyId, Operations: ['Encrypt'], Constraints })).rejects.toThrow(/symmetric/);
    await expect(create({ KeyId: 'alias/x', Operations: ['Encrypt'] })).rejects.toMatchObject(refused('NotFound'));
  });

  test('who was allowed by a grant makes narrower grants only', async () => {
    const Constraints = { EncryptionContextSubset: { team: 'blue' } };
    const parent = await grant({ Operations: ['CreateGrant', 'Encrypt', 'Decrypt'], Constraints });
    const child = (asked: Asked) => grant({ GranteePrincipal: bob.arn, ...asked }, alice.kms);
    await expect(child({ Operations: ['Encrypt'] })).rejects.toMatchObject(denied);
    await expect(child({ Operations: ['GenerateDataKey'], Constraints })).rejects.toMatchObject(denied);
    const wider = { EncryptionContextSubset: { other: 'x' } };
    await expect(child({ Operations: ['Encrypt'], Constraints: wider })).rejects.toMatchObject(denied);
    const stricter = { EncryptionContextEquals: { team: 'blue', app: '1' } };
    const { GrantId } = await child({ Operations: ['Encrypt'], Constraints: stricter });
    await expect(encrypt(bob, { team: 'blue', app: '1' })).resolves.toBeDefined();
    await expect(encrypt(bob, { team: 'blue' })).rejects.toMatchObject(denied);
    await revoke(parent.GrantId);
    await expect(encrypt(bob, { team: 'blue', app: '1' })).resolves.toBeDefined();
    await revoke(GrantId);
  });

  test('a dry run makes nothing', async () => {
    const dry = create({ Operations: ['Encrypt'], DryRun: true });
    await expect(dry).rejects.toMatchObject(
      refused('DryRunOperation', 'The request would have succeeded, but the DryRun option is set.'),
    );
    const { Grants } = await w.kms.send(new ListGrantsCommand({ KeyId, GranteePrincipal: alice.arn }));
    expect(Grants).toEqual([]);
    const { GrantId } = await grant({ Operations: ['Encrypt'] });
    await expect(w.kms.send(new RevokeGrantCommand({ KeyId, GrantId, DryRun: true }))).rejects.toMatchObject(
      refused('DryRunOperation'),
    );
    await expect(w.kms.send(new RetireGrantCommand({ KeyId, GrantId, DryRun: true }))).rejects.toMatchObject(
      refused('DryRunOperation'),
    );
    await expect(encrypt(alice)).resolves.toBeDefined();
    const refusal = bob.kms.send(new RevokeGrantCommand({ KeyId, GrantId, DryRun: true }));
    await expect(refusal).rejects.toMatchObject(denied);
    await revoke(GrantId);
  });
});

describe('tokens', () => {
  test('ours are taken everywhere, others nowhere', async () => {
    const { GrantToken, GrantId } = await grant({ Operations: ['Encrypt', 'Decrypt'] });
    const { CiphertextBlob } = await alice.kms.send(
      new EncryptCommand({ KeyId, Plaintext, GrantTokens: [GrantToken] }),
    );
    await expect(
      alice.kms.send(new DecryptCommand({ CiphertextBlob, GrantTokens: [GrantToken, GrantToken] })),
    ).resolves.toBeDefined();
    const bytes = Buffer.from(GrantToken, 'base64');
    for (const at of [0, 4, 40, bytes.length - 1]) {
      const other = Buffer.from(bytes);
      other.writeUInt8((bytes[at] ?? 0) ^ 1, at);
      const GrantTokens = [other.toString('base64')];
      await expect(w.kms.send(new EncryptCommand({ KeyId, Plaintext, GrantTokens }))).rejects.toMatchObject(
        refused('InvalidGrantToken'),
      );
    }
    for (const token of ['x', Buffer.from(CiphertextBlob ?? []).toString('base64'), `${GrantToken}=`]) {
      const asked = new DescribeKeyCommand({ KeyId, GrantTokens: [token] });
      await expect(w.kms.send(asked)).rejects.toMatchObject(refused('InvalidGrantToken'));
    }
    await revoke(GrantId);
    const late = new EncryptCommand({ KeyId, Plaintext, GrantTokens: [GrantToken] });
    await expect(alice.kms.send(late)).rejects.toMatchObject(denied);
    await expect(w.kms.send(new RetireGrantCommand({ GrantToken }))).rejects.toMatchObject(refused('NotFound'));
  });
});

describe('retiring', () => {
  const by = ({ kms }: WireUser, GrantId: string) => kms.send(new RetireGrantCommand({ KeyId: Arn, GrantId }));

  test('the retiring principal may, by token or by id; others may not', async () => {
    const asked: Asked = { Operations: ['Encrypt'], RetiringPrincipal: bob.arn };
    const one = await grant(asked);
    await expect(by(alice, one.GrantId)).rejects.toMatchObject(denied);
    await expect(by(carol, one.GrantId)).rejects.toMatchObject(denied);
    await by(bob, one.GrantId);
    await expect(encrypt(alice)).rejects.toMatchObject(denied);
    const two = await grant(asked);
    await expect(encrypt(alice)).resolves.toBeDefined();
    await bob.kms.send(new RetireGrantCommand({ GrantToken: two.GrantToken }));
    await expect(encrypt(alice)).rejects.toMatchObject(denied);
  });

  test('the grantee may when the grant says so, and the account always', async () => {
    const { GrantId } = await grant({ Operations: ['Encrypt', 'RetireGrant'] });
    await by(alice, GrantId);
    const other = await grant({ Operations: ['Encrypt'] });
    await w.kms.send(new RetireGrantCommand({ KeyId, GrantId: other.GrantId }));
  });

  test('a policy of the account may let others, a Deny stops even the retiring principal, the key policy has no say', async () => {
    const statement = (Effect: string) => ({ Effect, Action: 'kms:RetireGrant', Resource: '*' });
    const frank = await w.user('frank', { Version: '2012-10-17', Statement: [statement('Allow')] });
    const greta = await w.user('greta', { Version: '2012-10-17', Statement: [statement('Deny')] });
    const asked: Asked = { Operations: ['Encrypt'], RetiringPrincipal: greta.arn };
    const { GrantId } = await grant(asked);
    await expect(by(greta, GrantId)).rejects.toMatchObject(denied);
    await by(frank, GrantId);
  });

  test.each([
    [{}, 'Validation'],
    [{ KeyId: 'x' }, 'Validation'],
    [{ GrantToken: 'x', KeyId: 'x', GrantId: 'x' }, 'Validation'],
    [{ GrantToken: 'x' }, 'InvalidGrantToken'],
  ])('%j is refused', async (input, name) => {
    await expect(w.kms.send(new RetireGrantCommand(input))).rejects.toMatchObject(refused(name));
  });

  test('ids that are none', async () => {
    await expect(revoke('x')).rejects.toMatchObject(refused('InvalidGrantId'));
    await expect(w.kms.send(new RetireGrantCommand({ KeyId, GrantId: 'x' }))).rejects.toMatchObject(
      refused('InvalidGrantId'),
    );
    await expect(w.kms.send(new ListGrantsCommand({ KeyId, GrantId: 'x' }))).rejects.toMatchObject(
      refused('InvalidGrantId'),
    );
  });
});

describe('lists', () => {
  test('ListGrants tells everything that was asked for, in pages, filtered', async () => {
    const key = await w.createKey();
    const Constraints = { EncryptionContextSubset: { a: 'b' }, EncryptionContextEquals: { a: 'b', c: 'd' } };
    const asked: Asked = {
      ...{ KeyId: key.KeyId, Name: 'full', Operations: ['Encrypt', 'Decrypt'], Constraints },
      RetiringPrincipal: bob.arn,
    };
    const { GrantId } = await grant(asked);
    for (let more = 0; more < 4; more++)
      await grant({ KeyId: key.KeyId, GranteePrincipal: bob.arn, Operations: ['Encrypt'] });
    const list = (more: object) => w.kms.send(new ListGrantsCommand({ KeyId: key.KeyId, ...more }));
    expect((await list({ GrantId })).Grants).toEqual([
      {
        ...{ KeyId: key.Arn, GrantId, Name: 'full', GranteePrincipal: alice.arn, RetiringPrincipal: bob.arn },
        ...{ IssuingAccount: `arn:aws:iam::${key.AWSAccountId}:root`, Operations: ['Decrypt', 'Encrypt'], Constraints },
        CreationDate: expect.any(Date) as Date,
      },
    ]);
    expect((await list({ GranteePrincipal: bob.arn })).Grants).toHaveLength(4);
    const ids = new Set<string | undefined>();
    let Marker: string | undefined;
    do {
      const page = await list({ Limit: 2, ...(Marker && { Marker }) });
      expect(page.Truncated).toBe(page.NextMarker !== undefined);
      page.Grants?.forEach((one) => ids.add(one.GrantId));
      Marker = page.NextMarker;
    } while (Marker !== undefined);
    expect(ids.size).toBe(5);
    await expect(list({ Marker: 'x' })).rejects.toMatchObject(refused('InvalidMarker'));
  });

  test('ListRetirableGrants goes over all keys, for principals of the own account', async () => {
    const RetiringPrincipal = carol.arn;
    const other = await w.createKey();
    const made = [
      await grant({ Operations: ['Encrypt'], RetiringPrincipal }),
      await grant({ KeyId: other.KeyId, Operations: ['Encrypt'], RetiringPrincipal }),
    ];
    const list = (by: WireUser['kms'], more: object = {}) =>
      by.send(new ListRetirableGrantsCommand({ RetiringPrincipal, ...more }));
    const first = await list(w.kms, { Limit: 1 });
    const second = await list(w.kms, { Limit: 1, Marker: first.NextMarker });
    expect([...(first.Grants ?? []), ...(second.Grants ?? [])].map((one) => one.GrantId).sort()).toEqual(
      made.map((one) => one.GrantId).sort(),
    );
    expect(second.Truncated).toBe(false);
    await expect(list(carol.kms)).rejects.toMatchObject(denied);
    const abroad = { RetiringPrincipal: 'arn:aws:iam::111122223333:root' };
    await expect(list(w.kms, abroad)).rejects.toMatchObject(denied);
  });
});

test('a key that is pending deletion makes no grants, and keeps those it has', async () => {
  const key = await w.createKey();
  const { GrantId } = await grant({ KeyId: key.KeyId, Operations: ['DescribeKey'] });
  await w.kms.send(new ScheduleKeyDeletionCommand({ KeyId: key.KeyId, PendingWindowInDays: 7 }));
  await expect(grant({ KeyId: key.KeyId, Operations: ['Encrypt'] })).rejects.toMatchObject(refused('KMSInvalidState'));
  await expect(alice.kms.send(new DescribeKeyCommand({ KeyId: key.KeyId }))).resolves.toBeDefined();
  await revoke(GrantId, key.KeyId);
});

test("the log has AWS's records, without tokens", async () => {
  const Constraints = { EncryptionContextSubset: { team: 'blue' } };
  const { GrantId, GrantToken } = await grant({ Operations: ['Encrypt'], Constraints, RetiringPrincipal: bob.arn });
  await w.kms.send(new ListGrantsCommand({ KeyId, Limit: 1 }));
  await bob.kms.send(new RetireGrantCommand({ GrantToken }));
  // The records of changes are delivered a moment after the change.
  const recorded = (name: string, record: object) =>
    expect.poll(() => w.records(name), { timeout: 30_000 }).toContainEqual(expect.objectContaining(record));
  const key = expect.arrayContaining([expect.objectContaining({ ARN: Arn, type: 'AWS::KMS::Key' })]) as object[];
  await recorded('CreateGrant', {
    ...{ readOnly: false, resources: key },
    requestParameters: {
      ...{ keyId: KeyId, granteePrincipal: alice.arn, retiringPrincipal: bob.arn, operations: ['Encrypt'] },
      constraints: { encryptionContextSubset: { team: 'blue' } },
    },
    responseElements: { grantId: GrantId, keyId: Arn },
  });
  await recorded('RetireGrant', {
    ...{ readOnly: false, requestParameters: null, responseElements: { keyId: Arn } },
    additionalEventData: { grantId: GrantId },
  });
  await recorded('ListGrants', { readOnly: true, requestParameters: { keyId: KeyId, limit: 1 } });
  for (const name of ['CreateGrant', 'RetireGrant'])
    expect(JSON.stringify(await w.records(name))).not.toContain(GrantToken);
});
