import { CloudTrailClient, LookupEventsCommand } from '@aws-sdk/client-cloudtrail';
import * as iam from '@aws-sdk/client-iam';
import { KMSClient, ListKeysCommand } from '@aws-sdk/client-kms';
import { GetObjectCommand, ListBucketsCommand, CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { DecodeAuthorizationMessageCommand, STSClient } from '@aws-sdk/client-sts';
import { cluster, type Cluster } from '@keystead/testing/cluster';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { operator } from './support/operator.js';

let world: Cluster;
let client: iam.IAMClient;
let outsider: iam.IAMClient;
let powerless: Cluster['clientConfig'];

const document = (...Statement: object[]) => JSON.stringify({ Version: '2012-10-17', Statement });
const allow = (Action: string | string[], more: object = {}) => ({ Effect: 'Allow', Action, Resource: '*', ...more });
const own = document(allow('kms:Encrypt'), { ...allow('kms:Decrypt'), Effect: 'Deny' });
const shared = document(allow('s3:*', { Condition: { StringEquals: { 'aws:PrincipalTag/team': 'blue' } } }));
const managed = document(allow('kms:List*'));
const user = 'arn:aws:iam::000000000000:user/team/alice';
const group = 'arn:aws:iam::000000000000:group/readers';
let policyArn: string;

beforeAll(async () => {
  world = await cluster();
  client = new iam.IAMClient({ ...world.clientConfig, maxAttempts: 1 });
  const [UserName, GroupName] = ['alice', 'readers'];
  await client.send(new iam.CreateUserCommand({ UserName, Path: '/team/', Tags: [{ Key: 'team', Value: 'blue' }] }));
  await client.send(new iam.PutUserPolicyCommand({ UserName, PolicyName: 'own', PolicyDocument: own }));
  await client.send(new iam.CreateGroupCommand({ GroupName }));
  await client.send(new iam.PutGroupPolicyCommand({ GroupName, PolicyName: 'shared', PolicyDocument: shared }));
  const made = await client.send(new iam.CreatePolicyCommand({ PolicyName: 'lists', PolicyDocument: managed }));
  policyArn = made.Policy?.Arn ?? '';
  await client.send(new iam.AttachGroupPolicyCommand({ GroupName, PolicyArn: policyArn }));
  await client.send(new iam.AddUserToGroupCommand({ GroupName, UserName }));
  const { AccessKey } = await client.send(new iam.CreateAccessKeyCommand({ UserName }));
  const credentials = {
    accessKeyId: AccessKey?.AccessKeyId ?? '',
    secretAccessKey: AccessKey?.SecretAccessKey ?? '',
  };
  powerless = { ...world.clientConfig, credentials };
  outsider = new iam.IAMClient({ ...world.clientConfig, credentials, maxAttempts: 1 });
});
afterAll(async () => {
  client.destroy();
  outsider.destroy();
  await world[Symbol.asyncDispose]();
});

describe('SimulatePrincipalPolicy', () => {
  const simulate = (input: Partial<iam.SimulatePrincipalPolicyCommandInput>) =>
    client.send(
      new iam.SimulatePrincipalPolicyCommand({ PolicySourceArn: user, ActionNames: ['kms:Encrypt'], ...input }),
    );

  test('evaluates what the user has, directly and through groups', async () => {
    const { EvaluationResults = [], IsTruncated } = await simulate({
      ActionNames: ['kms:Encrypt', 'kms:Decrypt', 'kms:ListKeys', 's3:GetObject', 'iam:GetUser'],
    });
    expect(IsTruncated).toBe(false);
    expect(
      EvaluationResults.map((result) => [result.EvalActionName, result.EvalDecision, result.EvalResourceName]),
    ).toEqual([
      ['kms:Encrypt', 'allowed', '*'],
      ['kms:Decrypt', 'explicitDeny', '*'],
      ['kms:ListKeys', 'allowed', '*'],
      ['s3:GetObject', 'implicitDeny', '*'],
      ['iam:GetUser', 'implicitDeny', '*'],
    ]);
    const [encrypt, , list, get] = EvaluationResults;
    expect(encrypt?.MatchedStatements).toMatchObject([
      { SourcePolicyId: 'user_alice_own', SourcePolicyType: 'user', StartPosition: { Line: 1 } },
    ]);
    expect(list?.MatchedStatements).toMatchObject([{ SourcePolicyId: 'lists', SourcePolicyType: 'user-managed' }]);
    expect(get?.MissingContextValues).toEqual(['aws:PrincipalTag/team']);
    expect(get?.MatchedStatements).toEqual([]);
  });

  test('takes further policies, a boundary, context and resources, and pages', async () => {
    const key = 'arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab';
    const { EvaluationResults = [] } = await simulate({
      ActionNames: ['kms:Sign'],
      ResourceArns: [key, `${key}-other`],
      PolicyInputList: [document({ ...allow('kms:Sign'), Resource: key })],
      PermissionsBoundaryPolicyInputList: [document(allow('kms:*'))],
    });
    expect(EvaluationResults).toMatchObject([
      {
        EvalDecision: 'implicitDeny',
        PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: true },
        ResourceSpecificResults: [
          {
            EvalResourceName: key,
            EvalResourceDecision: 'allowed',
            MatchedStatements: [{ SourcePolicyId: 'PolicyInputList.1' }],
          },
          { EvalResourceName: `${key}-other`, EvalResourceDecision: 'implicitDeny' },
        ],
      },
    ]);
    const context = [
      { ContextKeyName: 'aws:PrincipalTag/team', ContextKeyValues: ['blue'], ContextKeyType: 'string' as const },
    ];
    const tagged = await simulate({ ActionNames: ['s3:GetObject'], ContextEntries: context });
    expect(tagged.EvaluationResults).toMatchObject([
      {
        EvalDecision: 'allowed',
        MatchedStatements: [{ SourcePolicyId: 'group_readers_shared', SourcePolicyType: 'group' }],
      },
    ]);
    const ActionNames = ['kms:Encrypt', 'kms:Decrypt', 'kms:Sign'];
    const first = await simulate({ ActionNames, MaxItems: 2 });
    expect(first).toMatchObject({ IsTruncated: true, EvaluationResults: [{}, { EvalActionName: 'kms:Decrypt' }] });
    const second = await simulate({ ActionNames, MaxItems: 2, Marker: first.Marker });
    expect(second.EvaluationResults?.map((result) => result.EvalActionName)).toEqual(['kms:Sign']);
  });

  test('of a group has the group’s policies', async () => {
    const { EvaluationResults } = await simulate({
      PolicySourceArn: group,
      ActionNames: ['kms:ListKeys', 'kms:Encrypt'],
    });
    expect(EvaluationResults?.map((result) => result.EvalDecision)).toEqual(['allowed', 'implicitDeny']);
  });

  test.each([
    [{ PolicySourceArn: 'arn:aws:iam::000000000000:user/nobody' }, 'NoSuchEntityException'],
    [{ PolicySourceArn: 'arn:aws:iam::111111111111:user/alice' }, 'NoSuchEntityException'],
    [{ PolicySourceArn: 'arn:aws:iam::000000000000:root' }, 'InvalidInputException'],
    [{ PolicyInputList: ['{"Version":"2012-10-17"}'] }, 'InvalidInputException'],
    [{ ActionNames: ['Encrypt'] }, 'InvalidInputException'],
    [{ ResourceArns: ['not an arn'] }, 'InvalidInputException'],
    [{ CallerArn: 'arn:aws:iam::000000000000:root' }, 'InvalidInputException'],
    [{ PolicySourceArn: group, ResourcePolicy: document(allow('kms:*', { Principal: '*' })) }, 'InvalidInputException'],
    [{ MaxItems: 1001 }, 'ValidationError'],
  ])('%j is refused with %s', async (input, name) => {
    await expect(simulate(input)).rejects.toMatchObject({ name });
  });

  test('is itself a permission', async () => {
    await expect(
      outsider.send(new iam.SimulatePrincipalPolicyCommand({ PolicySourceArn: user, ActionNames: ['kms:Encrypt'] })),
    ).rejects.toMatchObject({
      message: `User: ${user} is not authorized to perform: iam:SimulatePrincipalPolicy on resource: user alice because no identity-based policy allows the iam:SimulatePrincipalPolicy action`,
    });
  });
});

test('SimulateCustomPolicy evaluates a key policy with its caller', async () => {
  const key = 'arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab';
  const stranger = 'arn:aws:iam::111111111111:user/bob';
  const ResourcePolicy = document(allow('kms:Decrypt', { Principal: { AWS: stranger } }));
  const ask = (PolicyInputList: string[], CallerArn: string) => {
    const input = { PolicyInputList, CallerArn, ResourcePolicy, ActionNames: ['kms:Decrypt'], ResourceArns: [key] };
    return client.send(new iam.SimulateCustomPolicyCommand(input));
  };
  const both = await ask([document(allow('kms:*'))], stranger);
  expect(both.EvaluationResults).toMatchObject([
    { EvalDecision: 'allowed', EvalDecisionDetails: { 'IAM Policy': 'allowed', 'Resource Policy': 'allowed' } },
  ]);
  const one = await ask([document(allow('s3:*'))], stranger);
  expect(one.EvaluationResults?.[0]?.EvalDecision).toBe('implicitDeny');
});

test('the context keys that policies ask for are told', async () => {
  const PolicyInputList = [document({ ...allow('s3:*'), Resource: 'arn:aws:s3:::b/${aws:username}/*' })];
  const custom = await client.send(new iam.GetContextKeysForCustomPolicyCommand({ PolicyInputList }));
  expect(custom.ContextKeyNames).toEqual(['aws:username']);
  const principal = await client.send(
    new iam.GetContextKeysForPrincipalPolicyCommand({ PolicySourceArn: user, PolicyInputList }),
  );
  expect(principal.ContextKeyNames).toEqual(['aws:PrincipalTag/team', 'aws:username']);
  await expect(
    client.send(new iam.GetContextKeysForCustomPolicyCommand({ PolicyInputList: ['{'] })),
  ).rejects.toMatchObject({ name: 'InvalidInputException' });
});

test('GetAccountAuthorizationDetails tells everything, in pages, and what the filter names', async () => {
  const {
    UserDetailList = [],
    GroupDetailList = [],
    Policies = [],
  } = await client.send(new iam.GetAccountAuthorizationDetailsCommand({}));
  expect(UserDetailList.map(({ UserName }) => UserName)).toEqual(['administrator', 'alice']);
  const alice = UserDetailList[1];
  expect(alice).toMatchObject({
    Arn: user,
    GroupList: ['readers'],
    AttachedManagedPolicies: [],
    Tags: [{ Key: 'team', Value: 'blue' }],
  });
  const [inline] = alice?.UserPolicyList ?? [];
  expect(decodeURIComponent(inline?.PolicyDocument ?? '')).toBe(own);
  expect(GroupDetailList).toMatchObject([
    { GroupName: 'readers', AttachedManagedPolicies: [{ PolicyArn: policyArn }] },
  ]);
  expect(Policies.map(({ PolicyName, AttachmentCount }) => [PolicyName, AttachmentCount])).toEqual([
    ['lists', 1],
    ['AdministratorAccess', 1],
  ]);
  const [version] = Policies[0]?.PolicyVersionList ?? [];
  expect(version).toMatchObject({ VersionId: 'v1', IsDefaultVersion: true });
  expect(decodeURIComponent(version?.Document ?? '')).toBe(managed);
  const all: string[] = [];
  for await (const page of iam.paginateGetAccountAuthorizationDetails({ client, pageSize: 1 }, {})) {
    all.push(
      ...[...(page.UserDetailList ?? []), ...(page.GroupDetailList ?? []), ...(page.Policies ?? [])].map(
        ({ Arn = '' }) => Arn,
      ),
    );
  }
  expect(all).toHaveLength(5);
  const local = await client.send(new iam.GetAccountAuthorizationDetailsCommand({ Filter: ['LocalManagedPolicy'] }));
  expect(local).toMatchObject({ UserDetailList: [], GroupDetailList: [], Policies: [{ PolicyName: 'lists' }] });
});

describe('a refusal says in AWS’s words', () => {
  const sentence = (call: Promise<unknown>): Promise<string> =>
    call.then(
      () => 'allowed',
      (error: unknown) => (error as Error).message,
    );
  const missing = (action: string, resource: string) =>
    `User: ${user} is not authorized to perform: ${action}${resource} because no identity-based policy allows the ${action} action`;

  test('what nothing allows, each service in its own way', async () => {
    const once = { ...powerless, maxAttempts: 1 };
    const [kms, s3, trail] = [new KMSClient(once), new S3Client(once), new CloudTrailClient(once)];
    const Bucket = 'told-of-refusals';
    await new S3Client(world.clientConfig).send(new CreateBucketCommand({ Bucket }));
    expect(await sentence(outsider.send(new iam.ListUsersCommand({})))).toBe(
      missing('iam:ListUsers', ' on resource: arn:aws:iam::000000000000:user/'),
    );
    expect(await sentence(trail.send(new LookupEventsCommand({})))).toBe(
      missing('cloudtrail:LookupEvents', ' on resource: *'),
    );
    const Policy = document({ ...allow('*'), Effect: 'Deny' });
    const made = await client.send(new iam.CreatePolicyCommand({ PolicyName: 'stop', PolicyDocument: Policy }));
    const PolicyArn = made.Policy?.Arn ?? '';
    await client.send(new iam.RemoveUserFromGroupCommand({ GroupName: 'readers', UserName: 'alice' }));
    expect(await sentence(kms.send(new ListKeysCommand({})))).toBe(missing('kms:ListKeys', ' on resource: *'));
    expect(await sentence(s3.send(new ListBucketsCommand({})))).toBe(missing('s3:ListAllMyBuckets', ''));
    expect(await sentence(s3.send(new GetObjectCommand({ Bucket, Key: 'k' })))).toBe(
      missing('s3:GetObject', ` on resource: "arn:aws:s3:::${Bucket}/k"`),
    );
    await client.send(new iam.AttachUserPolicyCommand({ UserName: 'alice', PolicyArn }));
    const denied = `with an explicit deny in an identity-based policy: ${PolicyArn}`;
    for (const call of [
      () => outsider.send(new iam.ListUsersCommand({})),
      () => kms.send(new ListKeysCommand({})),
      () => s3.send(new ListBucketsCommand({})),
      () => trail.send(new LookupEventsCommand({})),
    ])
      expect(await sentence(call())).toMatch(new RegExp(`${denied}$`));
    for (const one of [kms, s3, trail]) one.destroy();
  });
});

test('a role is simulated with its boundary, told with its trust policy, counted, and explained by its policies', async () => {
  const [RoleName, PolicyName] = ['worker', 'work'];
  const trust = document({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: '000000000000' } });
  const boundary = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
  await client.send(
    new iam.CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trust, PermissionsBoundary: boundary }),
  );
  const PolicyDocument = document(allow(['kms:Encrypt', 's3:GetObject']));
  await client.send(new iam.PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument }));
  const PolicySourceArn = `arn:aws:iam::000000000000:role/${RoleName}`;
  const simulated = await client.send(
    new iam.SimulatePrincipalPolicyCommand({ PolicySourceArn, ActionNames: ['s3:GetObject', 'kms:Encrypt'] }),
  );
  expect(simulated.EvaluationResults).toMatchObject([
    {
      EvalDecision: 'allowed',
      MatchedStatements: [{ SourcePolicyId: 'role_worker_work', SourcePolicyType: 'role' }],
      PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: true },
    },
    { EvalDecision: 'implicitDeny', PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: false } },
  ]);
  const { RoleDetailList = [] } = await client.send(
    new iam.GetAccountAuthorizationDetailsCommand({ Filter: ['Role'] }),
  );
  expect(RoleDetailList).toMatchObject([
    { RoleName, RolePolicyList: [{ PolicyName }], PermissionsBoundary: { PermissionsBoundaryArn: boundary } },
  ]);
  expect(decodeURIComponent(RoleDetailList[0]?.AssumeRolePolicyDocument ?? '')).toBe(trust);
  const { SummaryMap } = await client.send(new iam.GetAccountSummaryCommand({}));
  expect(SummaryMap).toMatchObject({ Roles: 1, Providers: 0, InstanceProfiles: 0 });
});

describe('DecodeAuthorizationMessage', () => {
  const decode = (config: Cluster['clientConfig'], EncodedMessage: string) =>
    new STSClient({ ...config, maxAttempts: 1 }).send(new DecodeAuthorizationMessageCommand({ EncodedMessage }));

  /** What a refused call of IAM brings in its header. */
  async function refusedMessage(): Promise<string> {
    const error: unknown = await outsider
      .send(new iam.ListGroupsCommand({ PathPrefix: '/secret/' }))
      .catch((e: unknown) => e);
    const { headers } = (error as { $response: { headers: Record<string, string> } }).$response;
    return headers['x-keystead-encoded-authorization-message'] ?? '';
  }

  test('opens for an administrator what a refused caller was given, and cannot read', async () => {
    const encoded = await refusedMessage();
    expect(encoded).toMatch(/^[\w-]{100,10240}$/);
    const { DecodedMessage = '' } = await decode(world.clientConfig, encoded);
    const decoded = JSON.parse(DecodedMessage) as object;
    expect(decoded).toMatchObject({
      allowed: false,
      explicitDeny: true,
      matchedStatements: {
        items: [{ effect: 'DENY', policy: expect.stringMatching(/policy\/stop$/) as string, statement: 1 }],
      },
      context: {
        principal: { arn: user },
        action: 'iam:ListGroups',
        resource: 'arn:aws:iam::000000000000:group/secret/',
      },
    });
    expect(DecodedMessage).toContain('"key":"aws:SourceIp"');
    await expect(decode(powerless, encoded)).rejects.toMatchObject({ name: 'AccessDenied' });
  });

  test('opens nothing else', async () => {
    const encoded = await refusedMessage();
    const broken = `${encoded.slice(0, -8)}AAAAAAAA`;
    for (const message of ['garbage', 'AAAA', broken, 'x'.repeat(10_240)]) {
      await expect(decode(world.clientConfig, message)).rejects.toMatchObject({
        name: 'InvalidAuthorizationMessageException',
      });
    }
    await expect(decode(world.clientConfig, 'x'.repeat(10_241))).rejects.toMatchObject({ name: 'ValidationError' });
    const stranger = await operator(world);
    const { clientConfig } = await stranger.enter();
    await expect(decode(clientConfig, encoded)).rejects.toMatchObject({ name: 'InvalidAuthorizationMessageException' });
    stranger[Symbol.dispose]();
  });
});
