import { createHash } from 'node:crypto';
import { KeysteadError } from '@keystead/errors';
import { type CallContext, PrincipalType } from '@keystead/proto/common';
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  canonicalJson,
  cloudTrailDate,
  cloudTrailRecord,
  type CloudTrailEvent,
  maxRecordBytes,
  newEventId,
} from '../src/index.js';

const account = '000000000000';
const context: CallContext = {
  principal: {
    type: PrincipalType.PRINCIPAL_TYPE_IAM_USER,
    arn: `arn:aws:iam::${account}:user/team/alice`,
    uniqueId: 'AIDAALICE',
    account,
    userName: 'alice',
  },
  accessKeyId: 'AKIAALICE',
  session: undefined,
  sourceIp: '127.0.0.1',
  userAgent: 'aws-cli/2.15',
  tls: { version: 'TLSv1.3', cipherSuite: 'TLS_AES_128_GCM_SHA256', clientProvidedHostHeader: 'localhost' },
  viaService: '',
  requestId: '11111111-2222-4333-8444-555555555555',
};
const arn = `arn:aws:kms:us-east-1:${account}:key/1234`;
const event: CloudTrailEvent = {
  eventId: 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee',
  at: new Date('2026-11-22T18:30:52.987Z'),
  region: 'us-east-1',
  eventSource: 'kms.amazonaws.com',
  eventName: 'Decrypt',
  readOnly: true,
  requestParameters: { keyId: arn, encryptionContext: { b: '2', a: '1' } },
  additionalEventData: { keyMaterialId: 'ff' },
  resources: [{ arn, accountId: account, type: 'AWS::KMS::Key' }],
};

const text = (of: CallContext = context, change: Partial<CloudTrailEvent> = {}): string =>
  Buffer.from(cloudTrailRecord(of, { ...event, ...change }).record).toString();
const parsed = (of?: CallContext, change?: Partial<CloudTrailEvent>) =>
  JSON.parse(text(of, change)) as Record<string, unknown>;

describe('a CloudTrail record', () => {
  test('has the members of eventVersion 1.11', () => {
    expect(parsed()).toEqual({
      additionalEventData: { keyMaterialId: 'ff' },
      awsRegion: 'us-east-1',
      eventCategory: 'Management',
      eventID: event.eventId,
      eventName: 'Decrypt',
      eventSource: 'kms.amazonaws.com',
      eventTime: '2026-11-22T18:30:52Z',
      eventType: 'AwsApiCall',
      eventVersion: '1.11',
      managementEvent: true,
      readOnly: true,
      recipientAccountId: account,
      requestID: context.requestId,
      requestParameters: { keyId: arn, encryptionContext: { a: '1', b: '2' } },
      resources: [{ ARN: arn, accountId: account, type: 'AWS::KMS::Key' }],
      responseElements: null,
      sourceIPAddress: '127.0.0.1',
      tlsDetails: {
        tlsVersion: 'TLSv1.3',
        cipherSuite: 'TLS_AES_128_GCM_SHA256',
        clientProvidedHostHeader: 'localhost',
      },
      userAgent: 'aws-cli/2.15',
      userIdentity: {
        type: 'IAMUser',
        principalId: 'AIDAALICE',
        arn: context.principal?.arn,
        accountId: account,
        accessKeyId: 'AKIAALICE',
        userName: 'alice',
      },
    });
  });

  test('is canonical whatever the caller sends', () => {
    const values = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary' }));
    fc.assert(
      fc.property(values, fc.string({ unit: 'binary' }), fc.boolean(), (some, userAgent, failed) => {
        const error = failed ? { error: { name: 'ValidationException', message: userAgent } } : {};
        const encryptionContext = some as Record<string, string>;
        const written = text({ ...context, userAgent }, { requestParameters: { encryptionContext }, ...error });
        expect(written).toBe(canonicalize(JSON.parse(written)));
      }),
    );
  });

  test('is written whatever its caller repeats, and within its limit', () => {
    const long = '\u0001'.repeat(60_000);
    const tls = { version: 'TLSv1.3', cipherSuite: '', clientProvidedHostHeader: 'h'.repeat(60_000) };
    const hostile = { ...context, tls, userAgent: long };
    const error = { name: 'ValidationException', message: long };
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`\u0001\u0001${String(n)}`, 'v']));
    for (const requestParameters of [{ [long]: 'v' }, many, { a: long, b: [long] }]) {
      const written = text(hostile, { error, requestParameters, responseElements: many });
      expect(Buffer.byteLength(written)).toBeLessThanOrEqual(maxRecordBytes);
      expect(written).toBe(canonicalize(JSON.parse(written)));
      expect(JSON.parse(written)).toMatchObject({ errorCode: 'ValidationException', eventName: 'Decrypt' });
    }
  });

  test('names the error as CloudTrail does', () => {
    const denied = parsed(context, { error: new KeysteadError('AccessDenied', 'No.') });
    expect(denied).toMatchObject({ errorCode: 'AccessDenied', errorMessage: 'No.' });
    expect(parsed(context, { error: new KeysteadError('Disabled') })).toMatchObject({ errorCode: 'DisabledException' });
    expect(parsed(context, { error: new KeysteadError('Disabled') })).not.toHaveProperty('errorMessage');
  });

  test('tells root, role sessions, services and foreign accounts apart', () => {
    const principal = context.principal ?? undefined;
    if (!principal) throw new Error('no principal');
    const root = {
      ...context,
      principal: { ...principal, type: PrincipalType.PRINCIPAL_TYPE_ROOT, uniqueId: account },
    };
    expect(parsed(root)).toMatchObject({ userIdentity: { type: 'Root', principalId: account } });
    const session = {
      issuerArn: `arn:aws:iam::${account}:role/r/admin`,
      issuerUniqueId: 'AROA1',
      issuedAtMs: 0n,
      expiresAtMs: 3_600_000n,
      tags: {},
      hasPolicies: false,
      sourceIdentity: '',
      transitiveTagKeys: [],
      federatedProvider: '',
      federatedClaims: {},
    };
    const sessionArn = `arn:aws:sts::${account}:assumed-role/admin/ci`;
    const type = PrincipalType.PRINCIPAL_TYPE_ASSUMED_ROLE;
    const role = { ...context, session, principal: { ...principal, type, arn: sessionArn, uniqueId: 'AROA1:ci' } };
    expect(cloudTrailRecord(role, event).username).toBe('ci');
    expect(parsed(role)['userIdentity']).toEqual({
      ...{
        type: 'AssumedRole',
        principalId: 'AROA1:ci',
        arn: sessionArn,
        accountId: account,
        accessKeyId: 'AKIAALICE',
      },
      sessionContext: {
        attributes: { creationDate: '1970-01-01T00:00:00Z', mfaAuthenticated: 'false' },
        sessionIssuer: {
          type: 'Role',
          principalId: 'AROA1',
          arn: session.issuerArn,
          accountId: account,
          userName: 'admin',
        },
      },
    });
    const service = {
      ...principal,
      type: PrincipalType.PRINCIPAL_TYPE_SERVICE,
      arn: 's3.keystead.internal',
      account: '',
    };
    const own = parsed({ ...context, principal: service }, { recipientAccount: account });
    expect(own['userIdentity']).toEqual({ type: 'AWSService', invokedBy: 's3.keystead.internal' });
    const via = parsed({ ...context, viaService: 's3' });
    expect(via).toMatchObject({ sourceIPAddress: 's3.amazonaws.com', userIdentity: { invokedBy: 's3.amazonaws.com' } });
    const foreign = cloudTrailRecord(context, { ...event, recipientAccount: '111111111111' });
    expect(foreign).toMatchObject({ account: '111111111111', username: '', accessKeyId: '' });
    expect(JSON.parse(Buffer.from(foreign.record).toString())).toMatchObject({
      userIdentity: { type: 'AWSAccount', principalId: 'AIDAALICE', accountId: account },
    });
  });

  test('never holds a secret, and keeps every word of an encryption context', () => {
    const secrets = { plaintext: 'x', CiphertextBlob: 'x', secretAccessKey: 'x', nested: [{ password: 'x', kept: 1 }] };
    const encryptionContext = { plaintext: 'mine', password: 'mine' };
    const { requestParameters } = parsed(context, { requestParameters: { ...secrets, encryptionContext } });
    expect(requestParameters).toEqual({ nested: [{ kept: 1 }], encryptionContext });
  });

  test('replaces what makes it too large by its digest and size', () => {
    const policy = 'p'.repeat(70_000);
    const record = cloudTrailRecord(context, { ...event, requestParameters: { keyId: arn, policy } });
    expect(record.record.length).toBeLessThanOrEqual(maxRecordBytes);
    const sha256 = createHash('sha256').update(JSON.stringify(policy)).digest('hex');
    expect(JSON.parse(Buffer.from(record.record).toString())).toMatchObject({
      requestParameters: { keyId: arn, policy: { sha256, size: 70_002 } },
    });
  });

  test('fits even when everything is too large', () => {
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`p${String(n)}`, 'é'.repeat(9_000)]));
    const huge = { ...context, userAgent: 'u'.repeat(100_000) };
    const record = cloudTrailRecord(huge, { ...event, requestParameters: many, responseElements: many });
    expect(record.record.length).toBeLessThanOrEqual(maxRecordBytes);
  });
});

test('canonical JSON is RFC 8785', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'grapheme' }), (value) => {
      expect(canonicalJson(value as Parameters<typeof canonicalJson>[0])).toBe(canonicalize(value));
    }),
  );
  // RFC 8785 §3.2.3: sorted by UTF-16 code units, so the emoji (D83D) stands before U+FB33.
  expect(canonicalJson({ '\ufb33': 1, '😀': 2, '10': 3, '9': 4, a: -0 })).toBe(
    '{"10":3,"9":4,"a":0,"😀":2,"\ufb33":1}',
  );
  expect(canonicalJson('\ud800')).toBe('"\ufffd"');
  expect(() => canonicalJson(Number.NaN)).toThrow(TypeError);
});

test('dates inside KMS records are written as AWS writes them', () => {
  expect(cloudTrailDate(new Date('2021-04-12T18:58:30Z'))).toBe('Apr 12, 2021 18:58:30 PM');
});

test('event ids are UUIDs of version 7: unique, and in the order of time', () => {
  const ids = Array.from({ length: 1_000 }, () => newEventId());
  expect(new Set(ids).size).toBe(1_000);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(newEventId(new Date(1)) < newEventId(new Date(2))).toBe(true);
});
