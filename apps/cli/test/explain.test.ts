import { describe, expect, test } from 'vitest';
import { explanationText } from '../src/explanation-text.js';
import { questionOf, type RecordedEvent } from '../src/recorded-denial.js';

const alice = 'arn:aws:iam::000000000000:user/alice';
const key = 'arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab';

describe('a recorded refusal', () => {
  const event: RecordedEvent = {
    eventTime: '2026-11-22T10:00:00Z',
    eventName: 'Decrypt',
    awsRegion: 'us-east-1',
    errorCode: 'AccessDenied',
    errorMessage: `User: ${alice} is not authorized to perform: kms:Decrypt on resource: ${key} because no identity-based policy allows the kms:Decrypt action`,
    sourceIPAddress: '192.0.2.7',
    tlsDetails: { tlsVersion: 'TLSv1.3' },
    userIdentity: { type: 'IAMUser', arn: alice },
    requestParameters: { encryptionContext: { team: 'blue' }, encryptionAlgorithm: 'SYMMETRIC_DEFAULT' },
  };

  test('is asked again with all that the record holds', () => {
    const { context, ...asked } = questionOf(event);
    expect(asked).toEqual({ principal: alice, action: 'kms:Decrypt', resource: key });
    expect(Object.fromEntries(context.map(({ key, values }) => [key, values]))).toEqual({
      'aws:CurrentTime': ['2026-11-22T10:00:00Z'],
      'aws:SecureTransport': ['true'],
      'aws:SourceIp': ['192.0.2.7'],
      'kms:EncryptionAlgorithm': ['SYMMETRIC_DEFAULT'],
      'kms:EncryptionContext:team': ['blue'],
    });
  });

  test('of a call that S3 forwarded has its service, not its address', () => {
    const { context } = questionOf({
      ...event,
      sourceIPAddress: 's3.amazonaws.com',
      userIdentity: { ...event.userIdentity, invokedBy: 's3.amazonaws.com' },
    });
    const keys = context.map(({ key }) => key);
    expect(keys).toContain('kms:ViaService');
    expect(keys).not.toContain('aws:SourceIp');
  });

  test.each([
    [{ errorCode: 'DisabledException' }, /failed with DisabledException/],
    [{ errorMessage: 'no' }, /does not hold enough/],
  ])('is none: %j', (change, message) => {
    expect(() => questionOf({ ...event, ...change })).toThrow(message);
  });
});

test('an explanation reads from the decision down to the condition', () => {
  const request = { principal: alice, action: 'kms:Decrypt', resource: 'alias/x', context: [] };
  const condition = { operator: 'StringEquals', key: 'kms:EncryptionContext:team', wanted: ['blue'], found: ['red'] };
  const statement = { index: 0, sid: 'team', effect: 'Allow', action: true, principal: 'self', resource: true };
  const text = explanationText(
    request,
    {
      ...{ decision: 'ImplicitDeny', decidedBy: 'resource', policy: '', statement: undefined, resource: key },
      message: 'User: … is not authorized',
      policies: [
        {
          ...{ type: 'resource', name: 'key policy', outcome: 'ImplicitDeny' },
          statements: [
            { ...statement, conditions: [{ ...condition, present: true, matched: false }], applies: false },
            { ...statement, index: 1, sid: '', action: false, conditions: [], applies: false },
          ],
        },
      ],
      grants: [{ grantId: 'ab'.repeat(32), operations: ['Decrypt'], named: 'self', covers: false, allows: false }],
      missingContextKeys: ['aws:SourceIp'],
      notes: ['The key is in state Disabled.'],
    },
    { all: false },
  );
  expect(text).toBe(`principal  ${alice}
action     kms:Decrypt
resource   ${key}

DENIED because nothing allows it
the caller sees: User: … is not authorized
missing: an Allow in a key policy

key policy: says nothing
  · statement 1 "team" Allow: a condition does not hold
      ✘ StringEquals kms:EncryptionContext:team: wanted "blue"; found "red"
  (1 about other actions or principals: --all)

identity-based policies: none

grants
  · abababababababab… to the principal for Decrypt: does not fit

not given, and asked for (--context key=value): aws:SourceIp

note: The key is in state Disabled.`);
});
