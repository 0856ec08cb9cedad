import { type AuthorizationRequest, compilePolicy, contextValues, type PolicyKind } from '@keystead/policy';

const account = '111122223333';
const region = 'us-east-1';
const teams = ['red', 'green', 'blue', 'amber', 'violet'];
const keyArn = (n: number): string =>
  `arn:aws:kms:${region}:${account}:key/1234abcd-12ab-34cd-56ef-${String(n).padStart(12, '0')}`;
const userArn = (n: number): string => `arn:aws:iam::${account}:user/${teams[n % teams.length]}/user-${n}`;

/** A document of these statements. */
export const documentOf = (statements: readonly object[]): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: statements });

const compiled = (kind: PolicyKind, name: string, statements: readonly object[]) =>
  compilePolicy(documentOf(statements), { kind, name });

/** What teams write: by resource, by tag, by encryption context, by network, some of it denying. */
function identityStatement(n: number): object {
  const use = ['kms:Encrypt', 'kms:Decrypt', 'kms:GenerateDataKey*', 'kms:DescribeKey'];
  const team = teams[n % teams.length];
  const resource = [keyArn(n), `arn:aws:kms:*:${account}:key/*`];
  switch (n % 5) {
    case 0:
      return {
        Sid: `Own${n}`,
        Effect: 'Allow',
        Action: use,
        Resource: resource,
        Condition: { StringEquals: { 'kms:EncryptionContext:team': team } },
      };
    case 1:
      return {
        Sid: `Guard${n}`,
        Effect: 'Deny',
        Action: ['kms:ScheduleKeyDeletion', 'kms:Disable*', 'kms:Decrypt'],
        Resource: '*',
        Condition: {
          NotIpAddress: { 'aws:SourceIp': ['10.0.0.0/8', '2001:db8::/32'] },
          Bool: { 'aws:ViaAWSService': 'false' },
        },
      };
    case 2:
      return {
        Sid: `Objects${n}`,
        Effect: 'Allow',
        Action: 's3:*',
        Resource: [`arn:aws:s3:::${team}-*`, 'arn:aws:s3:::home/${aws:username}/*'],
      };
    case 3:
      return {
        Sid: `Abac${n}`,
        Effect: 'Allow',
        Action: 'kms:*',
        Resource: '*',
        Condition: {
          StringEquals: { 'aws:ResourceTag/team': '${aws:PrincipalTag/team}' },
          'ForAllValues:StringLike': { 'aws:TagKeys': ['team', 'cost-*'] },
        },
      };
    default:
      return {
        Sid: `Through${n}`,
        Effect: 'Allow',
        NotAction: ['iam:*', 'kms:Put*'],
        Resource: `arn:aws:kms:*:${account}:key/*-${n}`,
        Condition: {
          StringLike: { 'kms:ViaService': 's3.*.amazonaws.com' },
          DateLessThan: { 'aws:CurrentTime': '2030-01-01T00:00:00Z' },
        },
      };
  }
}

const keyPolicy = compiled('resource', 'key policy', [
  {
    Sid: 'Enable IAM User Permissions',
    Effect: 'Allow',
    Principal: { AWS: `arn:aws:iam::${account}:root` },
    Action: 'kms:*',
    Resource: '*',
  },
  ...teams.slice(0, 4).map((team, n) => ({
    ...{
      Sid: `Administration of ${team}`,
      Effect: 'Allow',
      Principal: { AWS: [userArn(n), userArn(n + 5)] },
      Resource: '*',
    },
    ...{ Action: ['kms:Create*', 'kms:Describe*', 'kms:Enable*', 'kms:List*', 'kms:Put*', 'kms:TagResource'] },
  })),
]);

const boundary = compiled('boundary', 'boundary', [
  { Effect: 'Allow', Action: ['kms:*', 's3:*'], Resource: '*' },
  ...[0, 1, 2, 3].map((n) => ({
    Sid: `Never${n}`,
    Effect: 'Deny',
    Action: `iam:Create*`,
    Resource: `arn:aws:iam::*:role/admin-${n}*`,
  })),
]);

const identity = Array.from({ length: 8 }, (_, policy) =>
  compiled(
    'identity',
    `policy-${policy}`,
    Array.from({ length: 5 }, (_statement, n) => identityStatement(policy * 5 + n)),
  ),
);

/** Requests against 50 statements, as an account with several teams would make them: allowed, denied, and neither. */
export function mixture(): AuthorizationRequest[] {
  const actions = [
    'kms:Encrypt',
    'kms:Decrypt',
    'kms:GenerateDataKey',
    'kms:DescribeKey',
    'kms:ScheduleKeyDeletion',
    's3:GetObject',
  ];
  return Array.from({ length: 600 }, (_, n) => {
    const action = actions[n % actions.length] ?? '';
    const team = teams[n % 7] ?? 'none';
    const values = contextValues({
      'aws:username': `user-${n % 40}`,
      'aws:SourceIp': n % 3 === 0 ? `10.1.2.${n % 256}` : `2001:db8::${n.toString(16)}`,
      'aws:ViaAWSService': String(n % 4 === 0),
      'aws:CurrentTime': '2026-11-22T10:00:00.000Z',
      'aws:PrincipalTag/team': team,
      'aws:ResourceTag/team': teams[n % 6] ?? 'none',
      ...(n % 4 === 0 ? { 'kms:ViaService': `s3.${region}.amazonaws.com` } : {}),
      ...(n % 2 === 0 ? { 'kms:EncryptionContext:team': team } : {}),
    });
    const resource = action.startsWith('s3:') ? `arn:aws:s3:::home/user-${n % 40}/report-${n}.pdf` : keyArn(n % 50);
    const principal = { arn: userArn(n % 40), account, uniqueId: `AIDA${String(n % 40).padStart(17, '0')}` };
    const policies = { identity, boundary, ...(action.startsWith('s3:') ? {} : { resourcePolicy: keyPolicy }) };
    return {
      action,
      resource,
      resourceAccount: account,
      principal,
      values,
      ...policies,
      resourcePolicyDecides: 'resourcePolicy' in policies,
    };
  });
}

/**
 * Fifty statements that all speak of the request and all have to be read to the end: nothing allows it, nothing denies it.
 * Each request is another's, so that no answer is known from the one before.
 */
export function nothingApplies(): AuthorizationRequest[] {
  const statement = (n: number): object => ({
    ...{ Effect: n % 5 === 0 ? 'Deny' : 'Allow', Action: ['s3:*', 'kms:Encrypt'] },
    Resource: ['arn:aws:s3:::b', `arn:aws:kms:*:${account}:key/*`],
    Condition: {
      IpAddress: { 'aws:SourceIp': ['10.0.0.0/8', '2001:db8::/32'] },
      ArnLike: { 'aws:PrincipalArn': `arn:aws:iam::${account}:user/*/user-?` },
      StringLike: { 'kms:EncryptionContext:team': [`${teams[n % 5]}-${n}-*`, 'all-?-*', '${aws:username}-*'] },
    },
  });
  const policies = Array.from({ length: 10 }, (_, policy) =>
    compiled(
      'identity',
      `policy-${policy}`,
      Array.from({ length: 5 }, (_statement, n) => statement(policy * 5 + n)),
    ),
  );
  return Array.from({ length: 100 }, (_, n) => ({
    ...{ action: 'kms:Encrypt', resource: keyArn(n), resourceAccount: account, identity: policies },
    principal: { arn: userArn(n), account },
    values: contextValues({
      'aws:SourceIp': `10.1.2.${n}`,
      'aws:PrincipalArn': userArn(n % 10),
      'aws:username': `user-${n}`,
      'kms:EncryptionContext:team': `ultraviolet-with-a-long-name-${n}`,
    }),
    resourcePolicyDecides: false,
  }));
}
