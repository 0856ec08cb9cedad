import { PrincipalType, type CallContext } from '@keystead/proto/common';
import { expect, test } from 'vitest';
import { globalValues } from '../src/index.js';

const account = '111122223333';
const now = new Date('2026-11-22T10:00:00.250Z');

type Context = Partial<Omit<CallContext, 'session'>> & { session?: Partial<NonNullable<CallContext['session']>> };

function keysOf(more: Context, tags: Record<string, string> = {}): Record<string, unknown> {
  const context = {
    ...{ accessKeyId: '', sourceIp: '', userAgent: '', viaService: '', requestId: '' },
    ...{ principal: undefined, session: undefined, tls: undefined },
    ...more,
  } as unknown as CallContext;
  const given = globalValues({ context, tags, now, region: 'eu-central-1' });
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

const user = {
  ...{ type: PrincipalType.PRINCIPAL_TYPE_IAM_USER, arn: `arn:aws:iam::${account}:user/team/alice`, account },
  ...{ uniqueId: 'AIDAALICE00000000000A', userName: 'alice' },
};
const session = {
  ...{ type: PrincipalType.PRINCIPAL_TYPE_ASSUMED_ROLE, arn: `arn:aws:sts::${account}:assumed-role/app/s1`, account },
  ...{ uniqueId: 'AROAAPP0000000000000A:s1', userName: '' },
};
const root = {
  ...{ type: PrincipalType.PRINCIPAL_TYPE_ROOT, arn: `arn:aws:iam::${account}:root`, account },
  ...{ uniqueId: account, userName: '' },
};
const service = {
  ...{
    type: PrincipalType.PRINCIPAL_TYPE_SERVICE,
    arn: 's3.keystead.internal',
    account: '',
    uniqueId: '',
    userName: '',
  },
};
const opened = {
  ...{ issuerArn: `arn:aws:iam::${account}:role/app`, issuerUniqueId: 'AROAAPP0000000000000A' },
  ...{ issuedAtMs: BigInt(Date.parse('2026-11-22T09:00:00Z')), tags: { team: 'blue', cost: '7' } },
};

/** Of every request. */
const always = {
  'aws:CurrentTime': '2026-11-22T10:00:00.250Z',
  'aws:EpochTime': '1795341600',
  'aws:RequestedRegion': 'eu-central-1',
  'aws:SecureTransport': 'false',
  'aws:ViaAWSService': 'false',
  'aws:PrincipalIsAWSService': 'false',
};

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html says for each key when a request
// has it: what is not listed here must not be there, since a missing key decides differently from an empty one.
test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
  [
    'a user',
    keysOf({ principal: user }, { team: 'red' }),
    {
      'aws:PrincipalArn': user.arn,
      'aws:PrincipalAccount': account,
      'aws:PrincipalType': 'User',
      'aws:userid': user.uniqueId,
      'aws:username': 'alice',
      'aws:PrincipalTag/team': 'red',
    },
  ],
  [
    'the root user has no name',
    keysOf({ principal: root }),
    {
      ...{ 'aws:PrincipalArn': root.arn, 'aws:PrincipalAccount': account, 'aws:PrincipalType': 'Account' },
      'aws:userid': account,
    },
  ],
  [
    'a session of a role: its role is the principal, its tags come before the role’s',
    keysOf({ principal: session, session: opened }, { team: 'red', site: 'x' }),
    {
      'aws:PrincipalArn': opened.issuerArn,
      'aws:PrincipalAccount': account,
      'aws:PrincipalType': 'AssumedRole',
      'aws:userid': session.uniqueId,
      'aws:TokenIssueTime': '2026-11-22T09:00:00.000Z',
      'aws:MultiFactorAuthPresent': 'false',
      'aws:PrincipalTag/team': 'blue',
      'aws:PrincipalTag/cost': '7',
      'aws:PrincipalTag/site': 'x',
    },
  ],
  [
    'a service',
    keysOf({ principal: service }),
    {
      'aws:PrincipalIsAWSService': 'true',
      'aws:PrincipalServiceName': 's3.keystead.internal',
      'aws:PrincipalArn': 's3.keystead.internal',
    },
  ],
  [
    'over TLS, from an address, by a program',
    keysOf({
      principal: root,
      tls: { version: 'TLSv1.3', cipherSuite: '', clientProvidedHostHeader: '' },
      ...{ sourceIp: '10.1.2.3', userAgent: 'aws-cli/2' },
    }),
    {
      ...{ 'aws:PrincipalArn': root.arn, 'aws:PrincipalAccount': account, 'aws:PrincipalType': 'Account' },
      ...{ 'aws:userid': account, 'aws:SecureTransport': 'true', 'aws:SourceIp': '10.1.2.3' },
      'aws:UserAgent': 'aws-cli/2',
    },
  ],
  [
    'through a service',
    keysOf({ principal: root, viaService: 's3' }),
    {
      ...{ 'aws:PrincipalArn': root.arn, 'aws:PrincipalAccount': account, 'aws:PrincipalType': 'Account' },
      ...{ 'aws:userid': account, 'aws:ViaAWSService': 'true', 'aws:CalledVia': ['s3.amazonaws.com'] },
      ...{ 'aws:CalledViaFirst': 's3.amazonaws.com', 'aws:CalledViaLast': 's3.amazonaws.com' },
    },
  ],
])('%s', (_name, found, expected) => {
  expect(found).toEqual({ ...always, ...expected });
});
