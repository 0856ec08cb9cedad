import * as IAM from '@aws-sdk/client-iam';
import { cluster, type Cluster } from '@keystead/testing/cluster';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const account = '000000000000';
const root = `arn:aws:iam::${account}:root`;
const trust = (principal: unknown, more: object = {}) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: principal, Action: 'sts:AssumeRole', ...more }],
  });
const allow = (Action: string) =>
  JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action, Resource: '*' }] });

let world: Cluster;
let iam: IAM.IAMClient;

beforeAll(async () => {
  world = await cluster();
  iam = new IAM.IAMClient({ ...world.clientConfig, maxAttempts: 1 });
});

afterAll(async () => {
  iam.destroy();
  await world[Symbol.asyncDispose]();
});

const make = (RoleName: string, more: Partial<IAM.CreateRoleCommandInput> = {}) =>
  iam.send(new IAM.CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trust({ AWS: root }), ...more }));

const text = (document: string | undefined) => decodeURIComponent(document ?? '');

/** The name and status of the error that a call ends with. */
async function refusal(call: Promise<unknown>): Promise<{ name: string; status: number | undefined; message: string }> {
  try {
    await call;
  } catch (error) {
    const { name, message, $metadata } = error as IAM.IAMServiceException;
    return { name, status: $metadata.httpStatusCode, message };
  }
  throw new Error('the call was not refused');
}

describe('roles', () => {
  test('are made, read, changed, listed and deleted', async () => {
    const made = await make('worker', { Path: '/team/', Description: 'does it', Tags: [{ Key: 'Team', Value: 'a' }] });
    expect(made.Role).toMatchObject({
      RoleName: 'worker',
      Arn: `arn:aws:iam::${account}:role/team/worker`,
      Path: '/team/',
      RoleId: expect.stringMatching(/^AROA[A-Z2-7]{17}$/) as string,
    });
    await iam.send(new IAM.UpdateRoleCommand({ RoleName: 'worker', Description: 'more', MaxSessionDuration: 7200 }));
    const { Role } = await iam.send(new IAM.GetRoleCommand({ RoleName: 'worker' }));
    expect(Role).toMatchObject({
      Description: 'more',
      MaxSessionDuration: 7200,
      Tags: [{ Key: 'Team', Value: 'a' }],
      RoleLastUsed: {},
    });
    expect(text(Role?.AssumeRolePolicyDocument)).toBe(trust({ AWS: root }));
    await iam.send(new IAM.TagRoleCommand({ RoleName: 'worker', Tags: [{ Key: 'team', Value: 'b' }] }));
    const tags = await iam.send(new IAM.ListRoleTagsCommand({ RoleName: 'worker' }));
    expect(tags.Tags).toEqual([{ Key: 'team', Value: 'b' }]);
    await iam.send(new IAM.UntagRoleCommand({ RoleName: 'worker', TagKeys: ['TEAM'] }));
    const described = new IAM.UpdateRoleDescriptionCommand({ RoleName: 'worker', Description: 'less' });
    expect((await iam.send(described)).Role?.Description).toBe('less');
    await make('another');
    const names = [];
    for await (const page of IAM.paginateListRoles({ client: iam, pageSize: 1 }, {}))
      names.push(...(page.Roles ?? []).map(({ RoleName }) => RoleName));
    expect(names).toEqual(['another', 'worker']);
    const under = await iam.send(new IAM.ListRolesCommand({ PathPrefix: '/team/' }));
    expect(under.Roles?.map(({ RoleName }) => RoleName)).toEqual(['worker']);
    for (const RoleName of ['another', 'worker']) await iam.send(new IAM.DeleteRoleCommand({ RoleName }));
    expect(await refusal(iam.send(new IAM.GetRoleCommand({ RoleName: 'worker' })))).toEqual({
      name: 'NoSuchEntityException',
      status: 404,
      message: 'The role with name worker cannot be found.',
    });
  });

  test('have policies, and are deleted only when nothing is left', async () => {
    await make('holder');
    const { Policy } = await iam.send(new IAM.CreatePolicyCommand({ PolicyName: 'P', PolicyDocument: allow('kms:*') }));
    const PolicyArn = Policy?.Arn ?? '';
    const RoleName = 'holder';
    await iam.send(new IAM.AttachRolePolicyCommand({ RoleName, PolicyArn }));
    await iam.send(new IAM.PutRolePolicyCommand({ RoleName, PolicyName: 'own', PolicyDocument: allow('s3:*') }));
    const inline = await iam.send(new IAM.GetRolePolicyCommand({ RoleName, PolicyName: 'own' }));
    expect(text(inline.PolicyDocument)).toBe(allow('s3:*'));
    expect((await iam.send(new IAM.ListRolePoliciesCommand({ RoleName }))).PolicyNames).toEqual(['own']);
    const attached = await iam.send(new IAM.ListAttachedRolePoliciesCommand({ RoleName }));
    expect(attached.AttachedPolicies).toEqual([{ PolicyArn, PolicyName: 'P' }]);
    await iam.send(new IAM.PutRolePermissionsBoundaryCommand({ RoleName, PermissionsBoundary: PolicyArn }));
    expect((await iam.send(new IAM.GetRoleCommand({ RoleName }))).Role?.PermissionsBoundary).toEqual({
      PermissionsBoundaryArn: PolicyArn,
      PermissionsBoundaryType: 'Policy',
    });
    const entities = await iam.send(new IAM.ListEntitiesForPolicyCommand({ PolicyArn, EntityFilter: 'Role' }));
    expect(entities.PolicyRoles?.map((role) => role.RoleName)).toEqual(['holder']);
    const { Policy: used } = await iam.send(new IAM.GetPolicyCommand({ PolicyArn }));
    expect(used).toMatchObject({ AttachmentCount: 1, PermissionsBoundaryUsageCount: 1 });

    const remove = () => refusal(iam.send(new IAM.DeleteRoleCommand({ RoleName })));
    const message = 'Cannot delete entity, must detach all policies first.';
    expect(await remove()).toEqual({ name: 'DeleteConflictException', status: 409, message });
    await iam.send(new IAM.DetachRolePolicyCommand({ RoleName, PolicyArn }));
    expect((await remove()).message).toBe('Cannot delete entity, must delete policies first.');
    await iam.send(new IAM.DeleteRolePolicyCommand({ RoleName, PolicyName: 'own' }));
    // A boundary is no obstacle to the role, but to its policy.
    const policy = () => iam.send(new IAM.DeletePolicyCommand({ PolicyArn }));
    expect((await refusal(policy())).name).toBe('DeleteConflictException');
    await iam.send(new IAM.DeleteRolePermissionsBoundaryCommand({ RoleName }));
    await policy();
    await iam.send(new IAM.DeleteRoleCommand({ RoleName }));
  });

  test('have ten thousand characters of inline policies and ten attached ones', async () => {
    const RoleName = 'full';
    await make(RoleName);
    const long = (size: number) =>
      JSON.stringify({
        Statement: [{ Effect: 'Allow', Action: 'kms:*', Resource: `arn:aws:kms:::${'x'.repeat(size)}` }],
      });
    const put = (PolicyName: string, size: number) =>
      iam.send(new IAM.PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument: long(size) }));
    await put('a', 9_000);
    const message = 'Maximum policy size of 10240 bytes exceeded for role full';
    expect(await refusal(put('b', 2_000))).toEqual({ name: 'LimitExceededException', status: 409, message });
  });

  test('refuse what IAM refuses', async () => {
    await make('taken');
    const { SummaryMap } = await iam.send(new IAM.GetAccountSummaryCommand());
    expect(SummaryMap).toMatchObject({ Roles: 2, RolesQuota: 1000, InstanceProfiles: 0, Providers: 0 });
    expect(await refusal(make('Taken'))).toEqual({
      name: 'EntityAlreadyExistsException',
      status: 409,
      message: 'Role with name Taken already exists.',
    });
    expect((await refusal(make('bad name'))).status).toBe(400);
    expect((await refusal(make('short', { MaxSessionDuration: 3599 }))).message).toContain('maxSessionDuration');
    expect((await refusal(make('linked', { Path: '/aws-service-role/x/' }))).name).toBe('InvalidInputException');
    const absent = `arn:aws:iam::${account}:policy/absent`;
    expect((await refusal(make('limited', { PermissionsBoundary: absent }))).name).toBe('NoSuchEntityException');
  });
});

describe('trust policies', () => {
  const refused = async (AssumeRolePolicyDocument: string) => {
    const { name, status, message } = await refusal(make('distrusted', { AssumeRolePolicyDocument }));
    expect([name, status]).toEqual(['MalformedPolicyDocumentException', 400]);
    return message;
  };

  test('name principals that exist, and no resources', async () => {
    expect(await refused(trust({ AWS: `arn:aws:iam::${account}:user/nobody` }))).toBe(
      `Invalid principal in policy: "AWS":"arn:aws:iam::${account}:user/nobody"`,
    );
    expect(await refused(trust({ AWS: 'bob' }))).toBe('Invalid principal in policy: "AWS":"bob"');
    expect(await refused(trust({ AWS: root }, { Resource: '*' }))).toBe('Has prohibited field Resource');
    expect(await refused(allow('sts:AssumeRole').replace(',"Resource":"*"', ''))).toBe(
      'Missing required field Principal',
    );
    expect(await refused(trust({ AWS: root }, { Action: 'kms:Encrypt' }))).toBe(
      'AssumeRole policy may only specify STS AssumeRole actions.',
    );
    expect(await refused('{')).toBe('This policy contains invalid Json');
    expect(await refused(trust({ Service: '*' }))).toBe('Invalid principal in policy: "SERVICE":"*"');
    expect(await refused(trust({ Service: 'somebody' }))).toBe('Invalid principal in policy: "SERVICE":"somebody"');
    const exempting = trust({ AWS: root }, { Effect: 'Deny' }).replace('Principal', 'NotPrincipal');
    expect(await refused(exempting)).toBe('Has prohibited field NotPrincipal');
  });

  test('are bound to the principal that was meant, and show its id when it is gone', async () => {
    const { User } = await iam.send(new IAM.CreateUserCommand({ UserName: 'friend' }));
    const document = trust({ AWS: User?.Arn });
    await make('trusting', { AssumeRolePolicyDocument: document });
    const shown = async () => {
      const { Role } = await iam.send(new IAM.GetRoleCommand({ RoleName: 'trusting' }));
      return text(Role?.AssumeRolePolicyDocument);
    };
    expect(await shown()).toBe(document);
    await iam.send(new IAM.DeleteUserCommand({ UserName: 'friend' }));
    await iam.send(new IAM.CreateUserCommand({ UserName: 'friend' }));
    expect(await shown()).toBe(trust({ AWS: User?.UserId }));
    await iam.send(new IAM.UpdateAssumeRolePolicyCommand({ RoleName: 'trusting', PolicyDocument: document }));
    expect(await shown()).toBe(document);
  });
});

describe('instance profiles', () => {
  test('hold one role', async () => {
    const InstanceProfileName = 'machine';
    const RoleName = 'of-machine';
    await make(RoleName);
    const { InstanceProfile } = await iam.send(new IAM.CreateInstanceProfileCommand({ InstanceProfileName }));
    expect(InstanceProfile).toMatchObject({
      InstanceProfileId: expect.stringMatching(/^AIPA/) as string,
      Arn: `arn:aws:iam::${account}:instance-profile/machine`,
      Roles: [],
    });
    const add = () => iam.send(new IAM.AddRoleToInstanceProfileCommand({ InstanceProfileName, RoleName }));
    await add();
    expect((await refusal(add())).name).toBe('LimitExceededException');
    const get = await iam.send(new IAM.GetInstanceProfileCommand({ InstanceProfileName }));
    expect(get.InstanceProfile?.Roles?.map((role) => role.RoleName)).toEqual([RoleName]);
    const ofRole = await iam.send(new IAM.ListInstanceProfilesForRoleCommand({ RoleName }));
    expect(ofRole.InstanceProfiles).toHaveLength(1);
    expect((await iam.send(new IAM.ListInstanceProfilesCommand())).InstanceProfiles).toHaveLength(1);
    expect((await refusal(iam.send(new IAM.DeleteRoleCommand({ RoleName })))).message).toBe(
      'Cannot delete entity, must remove roles from instance profile first.',
    );
    const remove = () => iam.send(new IAM.DeleteInstanceProfileCommand({ InstanceProfileName }));
    expect((await refusal(remove())).name).toBe('DeleteConflictException');
    const Tags = [{ Key: 'a', Value: 'b' }];
    await iam.send(new IAM.TagInstanceProfileCommand({ InstanceProfileName, Tags }));
    const tags = () => iam.send(new IAM.ListInstanceProfileTagsCommand({ InstanceProfileName }));
    expect((await tags()).Tags).toEqual(Tags);
    await iam.send(new IAM.UntagInstanceProfileCommand({ InstanceProfileName, TagKeys: ['a'] }));
    expect((await tags()).Tags).toEqual([]);
    await iam.send(new IAM.RemoveRoleFromInstanceProfileCommand({ InstanceProfileName, RoleName }));
    await remove();
    expect((await refusal(remove())).name).toBe('NoSuchEntityException');
  });
});

test('a role is given to an instance profile only by who may pass it', async () => {
  const UserName = 'passer';
  const InstanceProfileName = 'passed';
  await iam.send(new IAM.CreateUserCommand({ UserName }));
  const { AccessKey } = await iam.send(new IAM.CreateAccessKeyCommand({ UserName }));
  const { AccessKeyId: accessKeyId = '', SecretAccessKey: secretAccessKey = '' } = AccessKey ?? {};
  const passer = new IAM.IAMClient({ ...world.clientConfig, credentials: { accessKeyId, secretAccessKey } });
  const { Role } = await make('worker');
  const other = await make('master');
  await iam.send(new IAM.CreateInstanceProfileCommand({ InstanceProfileName }));
  const add = (RoleName: string) =>
    passer.send(new IAM.AddRoleToInstanceProfileCommand({ InstanceProfileName, RoleName }));
  const may = (...more: object[]) => {
    const Statement = [{ Effect: 'Allow', Action: 'iam:AddRoleToInstanceProfile', Resource: '*' }, ...more];
    const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
    return iam.send(new IAM.PutUserPolicyCommand({ UserName, PolicyName: 'may', PolicyDocument }));
  };
  await may();
  const because = 'because no identity-based policy allows the iam:PassRole action';
  const who = `User: arn:aws:iam::${account}:user/passer is not authorized to perform: iam:PassRole`;
  expect((await refusal(add('worker'))).message).toBe(`${who} on resource: ${Role?.Arn ?? ''} ${because}`);
  const Condition = {
    StringEquals: { 'iam:PassedToService': 'ec2.amazonaws.com' },
    ArnLike: { 'iam:AssociatedResourceArn': `arn:aws:ec2:*:${account}:instance/*` },
  };
  await may({ Effect: 'Allow', Action: 'iam:PassRole', Resource: Role?.Arn, Condition });
  expect((await refusal(add('master'))).message).toContain(`iam:PassRole on resource: ${other.Role?.Arn ?? ''}`);
  await add('worker');
  passer.destroy();
});

test('a policy may say for which service a linked role is made', async () => {
  const UserName = 'linker';
  await iam.send(new IAM.CreateUserCommand({ UserName }));
  const Condition = { StringEquals: { 'iam:AWSServiceName': 'rds.amazonaws.com' } };
  const Statement = [{ Effect: 'Allow', Action: 'iam:CreateServiceLinkedRole', Resource: '*', Condition }];
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  await iam.send(new IAM.PutUserPolicyCommand({ UserName, PolicyName: 'may', PolicyDocument }));
  const { AccessKey } = await iam.send(new IAM.CreateAccessKeyCommand({ UserName }));
  const { AccessKeyId: accessKeyId = '', SecretAccessKey: secretAccessKey = '' } = AccessKey ?? {};
  const linker = new IAM.IAMClient({ ...world.clientConfig, credentials: { accessKeyId, secretAccessKey } });
  const link = (AWSServiceName: string) => linker.send(new IAM.CreateServiceLinkedRoleCommand({ AWSServiceName }));
  expect((await refusal(link('eks.amazonaws.com'))).name).toBe('AccessDenied');
  await link('rds.amazonaws.com');
  linker.destroy();
});

describe('service-linked roles', () => {
  test('are made for a service and changed by nobody', async () => {
    const { Role } = await iam.send(new IAM.CreateServiceLinkedRoleCommand({ AWSServiceName: 'ecs.amazonaws.com' }));
    expect(Role).toMatchObject({ RoleName: 'AWSServiceRoleForECS', Path: '/aws-service-role/ecs.amazonaws.com/' });
    const RoleName = Role?.RoleName ?? '';
    const { name, status } = await refusal(iam.send(new IAM.DeleteRoleCommand({ RoleName })));
    expect([name, status]).toEqual(['UnmodifiableEntityException', 400]);
    const PolicyArn = 'arn:aws:iam::aws:policy/AdministratorAccess';
    const attach = new IAM.AttachRolePolicyCommand({ RoleName, PolicyArn });
    expect((await refusal(iam.send(attach))).name).toBe('UnmodifiableEntityException');
    const { DeletionTaskId } = await iam.send(new IAM.DeleteServiceLinkedRoleCommand({ RoleName }));
    const done = await iam.send(new IAM.GetServiceLinkedRoleDeletionStatusCommand({ DeletionTaskId }));
    expect(done.Status).toBe('SUCCEEDED');
    expect((await refusal(iam.send(new IAM.GetRoleCommand({ RoleName })))).name).toBe('NoSuchEntityException');
  });
});

describe('OIDC providers', () => {
  test('are made, read, changed, listed and deleted', async () => {
    const Url = 'https://oidc.example.com/id/ABC';
    const ThumbprintList = ['a'.repeat(40)];
    const create = new IAM.CreateOpenIDConnectProviderCommand({
      Url,
      ClientIDList: ['sts.amazonaws.com'],
      ThumbprintList,
    });
    const { OpenIDConnectProviderArn } = await iam.send(create);
    expect(OpenIDConnectProviderArn).toBe(`arn:aws:iam::${account}:oidc-provider/oidc.example.com/id/ABC`);
    expect((await refusal(iam.send(create))).name).toBe('EntityAlreadyExistsException');
    const named = { OpenIDConnectProviderArn };
    await iam.send(new IAM.AddClientIDToOpenIDConnectProviderCommand({ ...named, ClientID: 'other' }));
    await iam.send(new IAM.RemoveClientIDFromOpenIDConnectProviderCommand({ ...named, ClientID: 'sts.amazonaws.com' }));
    await iam.send(
      new IAM.UpdateOpenIDConnectProviderThumbprintCommand({ ...named, ThumbprintList: ['b'.repeat(40)] }),
    );
    await iam.send(new IAM.TagOpenIDConnectProviderCommand({ ...named, Tags: [{ Key: 'a', Value: 'b' }] }));
    expect(await iam.send(new IAM.GetOpenIDConnectProviderCommand(named))).toMatchObject({
      Url: 'oidc.example.com/id/ABC',
      ClientIDList: ['other'],
      ThumbprintList: ['b'.repeat(40)],
      Tags: [{ Key: 'a', Value: 'b' }],
    });
    await iam.send(new IAM.UntagOpenIDConnectProviderCommand({ ...named, TagKeys: ['a'] }));
    expect((await iam.send(new IAM.ListOpenIDConnectProviderTagsCommand(named))).Tags).toEqual([]);
    const list = await iam.send(new IAM.ListOpenIDConnectProvidersCommand());
    expect(list.OpenIDConnectProviderList).toEqual([{ Arn: OpenIDConnectProviderArn }]);
    await iam.send(new IAM.DeleteOpenIDConnectProviderCommand(named));
    expect((await refusal(iam.send(new IAM.GetOpenIDConnectProviderCommand(named)))).name).toBe(
      'NoSuchEntityException',
    );
    const plain = new IAM.CreateOpenIDConnectProviderCommand({ Url: 'http://oidc.example.com' });
    expect((await refusal(iam.send(plain))).message).toBe('Invalid Open ID Connect Provider URL');
  });
});

describe('permission boundaries of users', () => {
  test('are put and deleted', async () => {
    const UserName = 'limited';
    await iam.send(new IAM.CreateUserCommand({ UserName }));
    const PermissionsBoundary = 'arn:aws:iam::aws:policy/PowerUserAccess';
    await iam.send(new IAM.PutUserPermissionsBoundaryCommand({ UserName, PermissionsBoundary }));
    const boundary = async () => (await iam.send(new IAM.GetUserCommand({ UserName }))).User?.PermissionsBoundary;
    expect((await boundary())?.PermissionsBoundaryArn).toBe(PermissionsBoundary);
    await iam.send(new IAM.DeleteUserPermissionsBoundaryCommand({ UserName }));
    expect(await boundary()).toBeUndefined();
  });

  // https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html, "Delegating responsibility"
  test('say whose policies a delegated administrator may change', async () => {
    const PermissionsBoundary = 'arn:aws:iam::aws:policy/PowerUserAccess';
    const Condition = { StringEquals: { 'iam:PermissionsBoundary': PermissionsBoundary } };
    const UserName = 'delegate';
    await iam.send(new IAM.CreateUserCommand({ UserName }));
    const Action = ['Attach', 'Put', 'Detach', 'Delete'].flatMap((verb) =>
      ['User', 'Role'].map((kind) => `iam:${verb}${kind}Policy`),
    );
    const Statement = [{ Effect: 'Allow', Action, Resource: '*', Condition }];
    const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
    await iam.send(new IAM.PutUserPolicyCommand({ UserName, PolicyName: 'delegated', PolicyDocument }));
    const { AccessKey } = await iam.send(new IAM.CreateAccessKeyCommand({ UserName }));
    const { AccessKeyId: accessKeyId = '', SecretAccessKey: secretAccessKey = '' } = AccessKey ?? {};
    const delegate = new IAM.IAMClient({ ...world.clientConfig, credentials: { accessKeyId, secretAccessKey } });
    await iam.send(new IAM.CreateUserCommand({ UserName: 'bounded', PermissionsBoundary }));
    await iam.send(new IAM.CreateUserCommand({ UserName: 'unbounded' }));
    await make('bounded', { PermissionsBoundary });
    await make('unbounded');
    const PolicyArn = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
    const inline = { PolicyName: 'more', PolicyDocument: allow('kms:*') };
    const changes = (name: string) => [
      () => delegate.send(new IAM.AttachUserPolicyCommand({ UserName: name, PolicyArn })),
      () => delegate.send(new IAM.DetachUserPolicyCommand({ UserName: name, PolicyArn })),
      () => delegate.send(new IAM.PutUserPolicyCommand({ UserName: name, ...inline })),
      () => delegate.send(new IAM.DeleteUserPolicyCommand({ UserName: name, PolicyName: 'more' })),
      () => delegate.send(new IAM.AttachRolePolicyCommand({ RoleName: name, PolicyArn })),
      () => delegate.send(new IAM.DetachRolePolicyCommand({ RoleName: name, PolicyArn })),
      () => delegate.send(new IAM.PutRolePolicyCommand({ RoleName: name, ...inline })),
      () => delegate.send(new IAM.DeleteRolePolicyCommand({ RoleName: name, PolicyName: 'more' })),
    ];
    for (const change of changes('bounded')) await change();
    for (const change of changes('unbounded')) expect((await refusal(change())).name).toBe('AccessDenied');
    delegate.destroy();
  });
});
