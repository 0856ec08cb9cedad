import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { requireOwnAliasName, requireRoomForAlias, requireSameKind } from '../../src/domain/alias.js';
import { materialOf } from '../../src/domain/blob.js';
import { kmsValues } from '../../src/domain/conditions.js';
import { wantedKind } from '../../src/domain/creation.js';
import { dataKeyLength } from '../../src/domain/data-key.js';
import { parseIdentifier, parseKeyIdentifier } from '../../src/domain/identifier.js';
import {
  bindPrincipals,
  compileBound,
  defaultPolicy,
  readPolicy,
  s3ManagedPolicy,
} from '../../src/domain/key-policy.js';
import { pageOf, readMarker } from '../../src/domain/paging.js';
import { serviceAllowed } from '../../src/domain/service-principal.js';
import { merged, requireTags, without } from '../../src/domain/tags.js';
import { key } from './keys.js';

const here = { region: 'us-east-1', account: '111122223333' };
const code = (expected: string) => expect.objectContaining({ code: expected }) as Error;

describe('identifiers', () => {
  const id = '1234abcd-12ab-34cd-56ef-1234567890ab';

  test('id, ARN, alias and alias ARN', () => {
    const own = { kind: 'key', account: here.account, id };
    expect(parseIdentifier(id, here)).toEqual(own);
    expect(parseIdentifier(`arn:aws:kms:us-east-1:444455556666:key/${id}`, here)).toEqual({
      ...own,
      account: '444455556666',
    });
    expect(parseIdentifier('alias/a/b', here)).toEqual({ kind: 'alias', account: here.account, name: 'alias/a/b' });
    expect(parseIdentifier(`arn:aws:kms:us-east-1:${here.account}:alias/x`, here)).toMatchObject({ name: 'alias/x' });
  });

  test.each([
    ['x', 'NotFound', "Invalid keyId 'x'"],
    [id.toUpperCase(), 'NotFound', 'Invalid keyId'],
    [`arn:aws:kms:eu-west-1:111122223333:key/${id}`, 'NotFound', 'Invalid arn eu-west-1'],
    ['arn:aws:s3:::bucket', 'InvalidArn', 'Invalid arn arn:aws:s3:::bucket'],
    ['arn:aws:kms:us-east-1:111122223333:nothing/x', 'InvalidArn', 'Invalid arn'],
  ])('%s is refused', (text, expected, message) => {
    expect(() => parseIdentifier(text, here)).toThrow(code(expected));
    expect(() => parseIdentifier(text, here)).toThrow(message);
  });

  test('managing operations take no alias', () => {
    expect(() => parseKeyIdentifier('alias/x', here)).toThrow("Invalid keyId 'alias/x'");
  });

  test('any text either parses or is refused with a code', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.constantFrom('', 'arn:', 'arn:aws:kms:us-east-1:111122223333:', 'alias/'),
        (text, prefix) => {
          try {
            expect(['key', 'alias']).toContain(parseIdentifier(prefix + text, here).kind);
          } catch (error) {
            expect(['NotFound', 'InvalidArn']).toContain((error as { code?: string }).code);
          }
        },
      ),
    );
  });
});

describe('aliases', () => {
  test('names of AWS and of the services are not for users', () => {
    expect(() => requireOwnAliasName('alias/app')).not.toThrow();
    expect(() => requireOwnAliasName('alias/aws/s3')).toThrow(code('InvalidAliasName'));
    expect(() => requireOwnAliasName('alias/keystead/iam')).toThrow(code('InvalidAliasName'));
    expect(() => requireOwnAliasName('app')).toThrow(code('Validation'));
    expect(() => requireOwnAliasName('alias/')).toThrow(code('Validation'));
  });

  test('fifty for a key, and only to keys of the same kind', () => {
    expect(() => requireRoomForAlias(key(), 49)).not.toThrow();
    expect(() => requireRoomForAlias(key(), 50)).toThrow(code('LimitExceeded'));
    const other = { ...key(), id: 'other' };
    expect(() => requireSameKind(key({ state: 'PendingDeletion' }), other, 0)).not.toThrow();
    expect(() => requireSameKind(key(), { ...other, state: 'PendingDeletion' }, 0)).toThrow(code('KmsInvalidState'));
    expect(() => requireSameKind(key(), { ...other, spec: 'HMAC_256', usage: 'GENERATE_VERIFY_MAC' }, 0)).toThrow(
      code('Validation'),
    );
  });
});

describe('tags', () => {
  const tag = (tagKey: string, tagValue = '') => ({ tagKey, tagValue });

  test("AWS's refusals", () => {
    expect(() => requireTags([tag('a'), tag('a')])).toThrow('Duplicate tag keys');
    expect(() => requireTags([tag('aws:a')])).toThrow('Tags beginning with aws: are reserved');
    expect(() => requireTags([tag('a', '<')])).toThrow(code('Tag'));
    expect(() => requireTags(Array.from({ length: 51 }, (_, index) => tag(`k${index}`)))).toThrow('Too many tags');
  });

  test('adding replaces, removing what is not there is no error', () => {
    expect(merged([tag('a', '1'), tag('b', '2')], [tag('b', '3')])).toEqual([tag('a', '1'), tag('b', '3')]);
    expect(without([tag('a')], ['b', 'a'])).toEqual([]);
  });
});

describe('markers', () => {
  test('go on in the same list only', () => {
    const { items, nextMarker } = pageOf('keys A', [1, 2, 3], 2, String);
    expect(items).toEqual([1, 2]);
    expect(readMarker('keys A', nextMarker)).toBe('2');
    expect(() => readMarker('keys B', nextMarker)).toThrow(code('InvalidMarker'));
    expect(pageOf('keys A', [1, 2], 2, String).nextMarker).toBeUndefined();
  });

  test('anything else is InvalidMarker', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (text) => {
        expect(() => readMarker('keys A', text)).toThrow(code('InvalidMarker'));
      }),
    );
  });
});

describe('keys that can be made', () => {
  test('symmetric by default; what AWS has and we have not yet is said', () => {
    expect(wantedKind({})).toEqual({
      spec: 'SYMMETRIC_DEFAULT',
      usage: 'ENCRYPT_DECRYPT',
      origin: 'AWS_KMS',
      multiRegion: false,
    });
    expect(wantedKind({ origin: 'EXTERNAL' })).toMatchObject({ origin: 'EXTERNAL' });
    expect(() => wantedKind({ origin: 'AWS_CLOUDHSM' })).toThrow(code('UnsupportedOperation'));
    expect(() => wantedKind({ multiRegion: true })).toThrow(code('UnsupportedOperation'));
  });

  test('what nobody has is a validation error', () => {
    expect(() => wantedKind({ keySpec: 'RSA_2048' })).toThrow(
      'You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.',
    );
    expect(() => wantedKind({ keySpec: 'RSA_2048', keyUsage: 'KEY_AGREEMENT' })).toThrow(
      'KeyUsage KEY_AGREEMENT is not compatible with KeySpec RSA_2048',
    );
    expect(() => wantedKind({ keyUsage: 'SIGN_VERIFY' })).toThrow(code('Validation'));
    expect(() => wantedKind({ keySpec: 'HMAC_256', customerMasterKeySpec: 'HMAC_256' })).toThrow(code('Validation'));
  });

  test('data keys have a spec or a length', () => {
    expect(dataKeyLength({ keySpec: 'AES_128' })).toBe(16);
    expect(dataKeyLength({ keySpec: 'AES_256' })).toBe(32);
    expect(dataKeyLength({ numberOfBytes: 7 })).toBe(7);
    expect(() => dataKeyLength({})).toThrow(code('Validation'));
    expect(() => dataKeyLength({ keySpec: 'AES_256', numberOfBytes: 7 })).toThrow(code('Validation'));
  });
});

describe('policies', () => {
  test('those we write ourselves compile', () => {
    expect(readPolicy(defaultPolicy('111122223333')).principals).toEqual(['arn:aws:iam::111122223333:root']);
    expect(readPolicy(s3ManagedPolicy('111122223333', 'us-east-1')).principals).toHaveLength(1);
  });

  test('principals are bound to the ids they had', () => {
    const arn = 'arn:aws:iam::111122223333:user/a';
    const bound = bindPrincipals(
      [arn, '111122223333'],
      new Map([
        [arn, 'AIDA0123456789ABCDEF'],
        ['111122223333', '111122223333'],
      ]),
    );
    expect(bound).toEqual({ [arn]: 'AIDA0123456789ABCDEF' });
    expect(() => bindPrincipals([arn], new Map())).toThrow('invalid principals');
    const json = JSON.stringify({
      Statement: [{ Effect: 'Allow', Principal: { AWS: [arn] }, Action: 'kms:*', Resource: '*' }],
    });
    const [statement] = compileBound(json, bound).statementsFor('kms:Encrypt', 'Allow');
    const named = (uniqueId: string) => statement?.principal({ arn, account: '111122223333', uniqueId });
    expect(named('AIDA0123456789ABCDEF')).toBe('self');
    expect(named('AIDAZZZZZZZZZZZZZZZZ')).toBe('none');
  });

  test.each([
    ['kms:EncryptionContext:team', 'OverlyPermissiveCondition:EncryptionContext: Using the ForAllValues'],
    ['aws:RequestTag/team', 'OverlyPermissiveCondition: Using the ForAllValues'],
  ])('ForAllValues with %s would allow what has none, and is refused', (name, message) => {
    const [own] = (JSON.parse(defaultPolicy('111122223333')) as { Statement: object[] }).Statement;
    const read = (Effect: string, operator: string, key = name) =>
      readPolicy(JSON.stringify({ Statement: { ...own, Effect, Condition: { [operator]: { [key]: 'blue' } } } }));
    expect(() => read('Allow', 'ForAllValues:StringLikeIfExists')).toThrow(message);
    expect(() => read('Allow', 'ForAllValues:StringEquals')).toThrow(code('MalformedPolicyDocument'));
    expect(() => read('Allow', 'StringEquals')).not.toThrow();
    expect(() => read('Deny', 'ForAllValues:StringEquals')).not.toThrow();
    expect(() => read('Allow', 'ForAllValues:StringEquals', 'kms:EncryptionContextKeys')).not.toThrow();
  });

  test.each(['*', 'cloudtrail', 'cloudtrail.example.com', 'Cloudtrail.amazonaws.com'])(
    'the service %s is none',
    (Service) => {
      const statement = { Effect: 'Allow', Principal: { Service }, Action: 'kms:*', Resource: '*' };
      const policy = JSON.stringify({ Statement: statement });
      expect(() => readPolicy(policy)).toThrow('Policy contains a statement with one or more invalid principals.');
      expect(() => readPolicy(policy.replace(Service, 'delivery.logs.amazonaws.com'))).not.toThrow();
    },
  );

  test('32 KiB at most', () => {
    expect(() => readPolicy(' '.repeat(32_769))).toThrow(code('LimitExceeded'));
    expect(() => readPolicy('{')).toThrow(code('MalformedPolicyDocument'));
  });
});

describe('condition keys', () => {
  const about = { key: key(), tags: [{ tagKey: 'Team', tagValue: 'blue' }], aliases: ['alias/a', 'alias/b'] };
  const facts = {
    encryptionContext: { Purpose: 'x' },
    encryptionAlgorithm: 'SYMMETRIC_DEFAULT',
    requestAlias: 'alias/a',
    ...{ signingAlgorithm: 'ECDSA_SHA_256', messageType: 'DIGEST', macAlgorithm: 'HMAC_SHA_256' },
    ...{ keyAgreementAlgorithm: 'ECDH', encapsulationAlgorithm: 'ML_KEM', dataKeyPairSpec: 'RSA_2048' },
    ...{ wrappingAlgorithm: 'RSAES_OAEP_SHA_1', wrappingKeySpec: 'RSA_3072', expirationModel: 'KEY_MATERIAL_EXPIRES' },
    validTo: new Date('2027-01-02T03:04:05Z'),
  };
  const value = kmsValues(facts, { account: '111122223333', viaService: undefined }, about);

  test.each([
    ['kms:encryptioncontext:purpose', 'x'],
    ['kms:encryptioncontext:other', undefined],
    ['kms:encryptioncontextkeys', ['Purpose']],
    ['kms:encryptionalgorithm', 'SYMMETRIC_DEFAULT'],
    ['kms:requestalias', 'alias/a'],
    ['kms:resourcealiases', ['alias/a', 'alias/b']],
    ['kms:keyspec', 'SYMMETRIC_DEFAULT'],
    ['kms:keyusage', 'ENCRYPT_DECRYPT'],
    ['kms:keyorigin', 'AWS_KMS'],
    ['kms:multiregion', 'false'],
    ['kms:calleraccount', '111122223333'],
    ['kms:signingalgorithm', 'ECDSA_SHA_256'],
    ['kms:messagetype', 'DIGEST'],
    ['kms:macalgorithm', 'HMAC_SHA_256'],
    ['kms:keyagreementalgorithm', 'ECDH'],
    ['kms:encapsulationalgorithm', 'ML_KEM'],
    ['kms:datakeypairspec', 'RSA_2048'],
    ['kms:wrappingalgorithm', 'RSAES_OAEP_SHA_1'],
    ['kms:wrappingkeyspec', 'RSA_3072'],
    ['kms:expirationmodel', 'KEY_MATERIAL_EXPIRES'],
    ['kms:validto', '1798859045'],
    ['kms:viaservice', undefined],
    ['aws:resourcetag/team', 'blue'],
    ['aws:resourceaccount', '111122223333'],
  ])('%s', (name, expected) => {
    expect(value(name)).toEqual(expected);
  });
});

describe('services and blobs', () => {
  test('each service uses its own key and nothing else', () => {
    expect(serviceAllowed('iam.keystead.internal', 'Encrypt', ['alias/keystead/iam'])).toBe(true);
    expect(serviceAllowed('iam.keystead.internal', 'Encrypt', ['alias/keystead/s3'])).toBe(false);
    expect(serviceAllowed('iam.keystead.internal', 'DisableKey', ['alias/keystead/iam'])).toBe(false);
    expect(serviceAllowed('toString', 'Encrypt', ['alias/keystead/iam'])).toBe(false);
  });

  test('a blob of format 1 names its material; anything else names none', () => {
    const blob = Buffer.alloc(77);
    blob.set([1, 1, 0, 0]);
    blob.fill(0xab, 4, 36);
    expect(materialOf(blob)).toBe('ab'.repeat(32));
    expect(materialOf(blob.subarray(0, 76))).toBeUndefined();
    for (const index of [0, 1, 2, 3]) {
      const other = Buffer.from(blob);
      other.writeUInt8(9, index);
      expect(materialOf(other)).toBeUndefined();
    }
  });
});
