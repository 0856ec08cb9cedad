import { testDatabase, type TestDatabase } from '@keystead/testing/database';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDesk, type Desk } from './support/desk.js';

const allow = (action: string | string[], resource: string | string[] = '*') =>
  JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: action, Resource: resource }] });
const deny = (action: string) =>
  JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Deny', Action: action, Resource: '*' }] });
const administratorAccess = 'arn:aws:iam::aws:policy/AdministratorAccess';

let database: TestDatabase;
let desk: Desk;

beforeAll(async () => {
  database = await testDatabase('iam-service');
  desk = await openDesk(database.pool('iam-service'));
});

afterAll(async () => {
  await desk.close();
  await database[Symbol.asyncDispose]();
});

/** A user with one inline policy. */
async function userWith(userName: string, policyDocument?: string): Promise<void> {
  await desk.as()('createUser', { userName });
  if (policyDocument) await desk.as()('putUserPolicy', { userName, policyName: 'rights', policyDocument });
}

test('what is not here is asked for like anything else: by who may, and of users that are there', async () => {
  await userWith('asker', allow('iam:ListMFADevices', 'arn:aws:iam::*:user/asker'));
  const asker = desk.as('asker');
  expect(await asker('listMfaDevices')).toEqual({ mfaDevices: [], isTruncated: false, marker: undefined });
  await expect(asker('listMfaDevices', { userName: 'administrator' })).rejects.toMatchObject({ code: 'AccessDenied' });
  await expect(asker('listSshPublicKeys')).rejects.toMatchObject({ code: 'AccessDenied' });
  await expect(asker('getAccountPasswordPolicy')).rejects.toMatchObject({ code: 'AccessDenied' });
  const root = desk.as();
  expect(await root('listMfaDevices')).toMatchObject({ mfaDevices: [] });
  await expect(root('listMfaDevices', { userName: 'nobody' })).rejects.toMatchObject({ code: 'NoSuchEntity' });
  await expect(root('listVirtualMfaDevices', { assignmentStatus: 'Some' })).rejects.toMatchObject({
    code: 'Validation',
  });
  await expect(root('deleteLoginProfile', { userName: 'asker' })).rejects.toMatchObject({
    ...{ code: 'NoSuchEntity', message: 'Login Profile for User asker cannot be found.' },
  });
  await root('deleteUserPolicy', { userName: 'asker', policyName: 'rights' });
  await root('deleteUser', { userName: 'asker' });
});

describe('users', () => {
  test('are made, read, renamed, tagged and deleted', async () => {
    const root = desk.as();
    const made = await root('createUser', { userName: 'Bob', path: '/team/', tags: [{ key: 'Dept', value: 'A' }] });
    expect(made.user).toMatchObject({ path: '/team/', arn: 'arn:aws:iam::000000000000:user/team/Bob' });
    expect(made.user?.userId).toMatch(/^AIDA[A-Z2-7]{17}$/);
    await expect(root('createUser', { userName: 'bOB' })).rejects.toMatchObject({
      code: 'EntityAlreadyExists',
      message: 'User with name bOB already exists.',
    });
    await root('tagUser', { userName: 'Bob', tags: [{ key: 'dept', value: 'B' }] });
    expect((await root('listUserTags', { userName: 'Bob' })).tags).toEqual([{ key: 'dept', value: 'B' }]);
    await root('updateUser', { userName: 'Bob', newUserName: 'Robert', newPath: '/' });
    const read = await root('getUser', { userName: 'Robert' });
    expect(read.user).toMatchObject({ userId: made.user?.userId, arn: 'arn:aws:iam::000000000000:user/Robert' });
    await root('deleteUser', { userName: 'Robert' });
    await expect(root('getUser', { userName: 'Robert' })).rejects.toMatchObject({
      code: 'NoSuchEntity',
      message: 'The user with name Robert cannot be found.',
    });
  });

  test('are listed in pages', async () => {
    const root = desk.as();
    for (const name of ['p3', 'p1', 'P2']) await root('createUser', { userName: name, path: '/pages/' });
    const first = await root('listUsers', { pathPrefix: '/pages/', maxItems: 2 });
    expect(first.users.map((user) => user.userName)).toEqual(['p1', 'P2']);
    expect(first.isTruncated).toBe(true);
    const second = await root('listUsers', { pathPrefix: '/pages/', maxItems: 2, marker: first.marker });
    expect(second).toMatchObject({ users: [{ userName: 'p3' }], isTruncated: false, marker: undefined });
    await expect(root('listUsers', { marker: 'nonsense' })).rejects.toMatchObject({ code: 'Validation' });
    await expect(root('listUsers', { maxItems: 0 })).rejects.toMatchObject({
      message:
        "1 validation error detected: Value '0' at 'maxItems' failed to satisfy constraint: Member must have value greater than or equal to 1",
    });
  });

  test('cannot be deleted with anything left', async () => {
    await userWith('busy');
    const root = desk.as();
    await root('createAccessKey', { userName: 'busy' });
    await expect(root('deleteUser', { userName: 'busy' })).rejects.toMatchObject({
      code: 'DeleteConflict',
      message: 'Cannot delete entity, must delete access keys first.',
    });
  });

  test('GetUser without a name is about the caller', async () => {
    await userWith('myself', allow('iam:GetUser', 'arn:aws:iam::*:user/${aws:username}'));
    expect((await desk.as('myself')('getUser')).user?.userName).toBe('myself');
    expect((await desk.as()('getUser')).user?.arn).toBe('arn:aws:iam::000000000000:root');
  });
});

describe('rights', () => {
  test('nothing is allowed by default, in AWS’s words', async () => {
    await userWith('nobody');
    await expect(desk.as('nobody')('getUser', { userName: 'nobody' })).rejects.toMatchObject({
      code: 'AccessDenied',
      message:
        'User: arn:aws:iam::000000000000:user/nobody is not authorized to perform: iam:GetUser on resource: user nobody because no identity-based policy allows the iam:GetUser action',
    });
    const [event] = await desk.events('GetUser').then((events) => events.slice(-1));
    expect(event).toMatchObject({ errorCode: 'AccessDenied', requestParameters: { userName: 'nobody' } });
  });

  test('come through groups and managed policies, and end with them', async () => {
    const root = desk.as();
    await userWith('member');
    await root('createGroup', { groupName: 'readers' });
    await root('addUserToGroup', { groupName: 'readers', userName: 'member' });
    const { policy } = await root('createPolicy', { policyName: 'read-users', policyDocument: allow('iam:ListUsers') });
    const policyArn = policy?.arn;
    await root('attachGroupPolicy', { groupName: 'readers', policyArn });
    const member = desk.as('member');
    await member('listUsers');
    await expect(root('deletePolicy', { policyArn })).rejects.toMatchObject({ code: 'DeleteConflict' });
    const refused = { policyArn, policyDocument: deny('iam:ListUsers'), setAsDefault: true };
    await root('createPolicyVersion', refused);
    await expect(member('listUsers')).rejects.toMatchObject({
      message: expect.stringContaining('with an explicit deny in an identity-based policy') as string,
    });
    await root('setDefaultPolicyVersion', { policyArn, versionId: 'v1' });
    await member('listUsers');
    await root('removeUserFromGroup', { groupName: 'readers', userName: 'member' });
    await expect(member('listUsers')).rejects.toMatchObject({ code: 'AccessDenied' });
  });

  test('GetCallerIdentity is never denied', async () => {
    await userWith('denied', deny('*'));
    await expect(desk.as('denied')('getCallerIdentity')).resolves.toMatchObject({ account: '000000000000' });
  });

  test('renaming needs leave on both names', async () => {
    await userWith('renamer', allow('iam:UpdateUser', 'arn:aws:iam::000000000000:user/old*'));
    await userWith('old1');
    const renamer = desk.as('renamer');
    await expect(renamer('updateUser', { userName: 'old1', newUserName: 'new1' })).rejects.toMatchObject({
      code: 'AccessDenied',
    });
    await renamer('updateUser', { userName: 'old1', newUserName: 'old2' });
  });
});

describe('policies', () => {
  test('have at most five versions, and their numbers are never used again', async () => {
    const root = desk.as();
    const { policy } = await root('createPolicy', { policyName: 'many', policyDocument: allow('kms:Encrypt') });
    const policyArn = policy?.arn;
    const add = () => root('createPolicyVersion', { policyArn, policyDocument: allow('kms:Decrypt') });
    for (let number = 2; number <= 5; number++) {
      expect((await add()).policyVersion).toMatchObject({ versionId: `v${number}`, isDefaultVersion: false });
    }
    await expect(add()).rejects.toMatchObject({ code: 'LimitExceeded' });
    await root('deletePolicyVersion', { policyArn, versionId: 'v5' });
    expect((await add()).policyVersion?.versionId).toBe('v6');
    await expect(root('deletePolicyVersion', { policyArn, versionId: 'v1' })).rejects.toMatchObject({
      message: 'Cannot delete the default version of a policy.',
    });
    const { versions } = await root('listPolicyVersions', { policyArn });
    expect(versions.map((version) => version.versionId)).toEqual(['v6', 'v4', 'v3', 'v2', 'v1']);
    expect((await root('getPolicyVersion', { policyArn, versionId: 'v1' })).policyVersion?.document).toBe(
      allow('kms:Encrypt'),
    );
  });

  test('are refused when they are malformed or too large', async () => {
    const put = (policyDocument: string) => desk.as()('createPolicy', { policyName: 'bad', policyDocument });
    await expect(put('{')).rejects.toMatchObject({ code: 'MalformedPolicyDocument' });
    await expect(put(allow('nonsense'))).rejects.toMatchObject({ code: 'MalformedPolicyDocument' });
    const large = allow(
      's3:*',
      Array.from({ length: 300 }, (_, i) => `arn:aws:s3:::bucket-number-${i}`),
    );
    await expect(put(large)).rejects.toMatchObject({ message: 'Cannot exceed quota for PolicySize: 6144' });
    await userWith('large');
    const tooLarge = allow(
      's3:*',
      Array.from({ length: 100 }, (_, i) => `arn:aws:s3:::bucket-${i}`),
    );
    await expect(
      desk.as()('putUserPolicy', { userName: 'large', policyName: 'p', policyDocument: tooLarge }),
    ).rejects.toMatchObject({ message: 'Maximum policy size of 2048 bytes exceeded for user large' });
  });

  test('of AWS can be attached and never changed', async () => {
    await userWith('chief');
    const root = desk.as();
    await root('attachUserPolicy', { userName: 'chief', policyArn: administratorAccess });
    await root('attachUserPolicy', { userName: 'chief', policyArn: administratorAccess });
    expect((await root('listAttachedUserPolicies', { userName: 'chief' })).attachedPolicies).toEqual([
      { policyName: 'AdministratorAccess', policyArn: administratorAccess },
    ]);
    const entities = await root('listEntitiesForPolicy', { policyArn: administratorAccess });
    expect(entities.policyUsers).toMatchObject([{ userName: 'chief' }]);
    await expect(desk.as('chief')('deletePolicy', { policyArn: administratorAccess })).rejects.toMatchObject({
      code: 'AccessDenied',
    });
    const unknown = 'arn:aws:iam::aws:policy/NoSuchPolicyOfAws';
    await expect(root('attachUserPolicy', { userName: 'chief', policyArn: unknown })).rejects.toMatchObject({
      message: `Policy ${unknown} does not exist or is not attachable.`,
    });
    await root('detachUserPolicy', { userName: 'chief', policyArn: administratorAccess });
    await expect(root('detachUserPolicy', { userName: 'chief', policyArn: administratorAccess })).rejects.toMatchObject(
      {
        code: 'NoSuchEntity',
      },
    );
    const listed = await root('listPolicies', { scope: 'AWS', maxItems: 1000 });
    expect(listed.policies.map((policy) => policy.policyName)).toContain('AWSKeyManagementServicePowerUser');
  });

  test('inline ones are written, read, listed and deleted', async () => {
    const root = desk.as();
    await root('createGroup', { groupName: 'inline' });
    const policyDocument = allow('kms:ListKeys');
    await root('putGroupPolicy', { groupName: 'inline', policyName: 'list', policyDocument });
    expect(await root('listGroupPolicies', { groupName: 'inline' })).toMatchObject({ policyNames: ['list'] });
    expect(await root('getGroupPolicy', { groupName: 'inline', policyName: 'list' })).toMatchObject({ policyDocument });
    await expect(root('deleteGroup', { groupName: 'inline' })).rejects.toMatchObject({ code: 'DeleteConflict' });
    await root('deleteGroupPolicy', { groupName: 'inline', policyName: 'list' });
    await root('deleteGroup', { groupName: 'inline' });
  });
});

describe('access keys', () => {
  test('show their secret once, two to a user', async () => {
    await userWith('keys');
    const root = desk.as();
    const { accessKey } = await root('createAccessKey', { userName: 'keys' });
    expect(accessKey).toMatchObject({ userName: 'keys', status: 'Active' });
    expect(accessKey?.secretAccessKey).toMatch(/^[A-Za-z0-9+/]{40}$/);
    await root('createAccessKey', { userName: 'keys' });
    await expect(root('createAccessKey', { userName: 'keys' })).rejects.toMatchObject({
      code: 'LimitExceeded',
      message: 'Cannot exceed quota for AccessKeysPerUser: 2',
    });
    const accessKeyId = accessKey?.accessKeyId;
    await root('updateAccessKey', { userName: 'keys', accessKeyId, status: 'Inactive' });
    const { accessKeyMetadata } = await root('listAccessKeys', { userName: 'keys' });
    expect(accessKeyMetadata.find((key) => key.accessKeyId === accessKeyId)?.status).toBe('Inactive');
    expect(await root('getAccessKeyLastUsed', { accessKeyId })).toMatchObject({
      userName: 'keys',
      accessKeyLastUsed: { lastUsedDate: undefined, serviceName: 'N/A', region: 'N/A' },
    });
    await root('deleteAccessKey', { userName: 'keys', accessKeyId });
    await expect(root('deleteAccessKey', { userName: 'keys', accessKeyId })).rejects.toMatchObject({
      code: 'NoSuchEntity',
    });
  });

  test('leave no secret in the log', async () => {
    await userWith('secretive');
    const { accessKey } = await desk.as()('createAccessKey', { userName: 'secretive' });
    const [event] = (await desk.events('CreateAccessKey')).slice(-1);
    expect(event).toMatchObject({
      eventSource: 'iam.amazonaws.com',
      userIdentity: { type: 'Root' },
      requestParameters: { userName: 'secretive' },
      responseElements: { accessKey: { accessKeyId: accessKey?.accessKeyId, status: 'Active' } },
    });
    expect(JSON.stringify(event)).not.toContain(accessKey?.secretAccessKey);
  });
});

describe('records', () => {
  test('a change has one, with what was asked and answered', async () => {
    await desk.as()('createUser', { userName: 'recorded' });
    const events = (await desk.events('CreateUser')).filter((event) => JSON.stringify(event).includes('recorded'));
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      readOnly: false,
      requestParameters: { userName: 'recorded' },
      responseElements: { user: { userName: 'recorded', path: '/' } },
    });
    const record = desk.records.find((found) => Buffer.from(found.record).includes('"recorded"'));
    expect(record?.resources).toContainEqual({ type: 'AWS::IAM::User', name: 'recorded' });
  });

  test('a change that fails leaves nothing but its record', async () => {
    await expect(desk.as()('deleteUser', { userName: 'ghost' })).rejects.toMatchObject({ code: 'NoSuchEntity' });
    const [event] = (await desk.events('DeleteUser')).slice(-1);
    expect(event).toMatchObject({
      errorCode: 'NoSuchEntityException',
      errorMessage: 'The user with name ghost cannot be found.',
    });
  });
});

test('the account is summed up', async () => {
  const { summaryMap } = await desk.as()('getAccountSummary');
  expect(summaryMap['Users']).toBeGreaterThan(0);
  expect(summaryMap).toMatchObject({ AccessKeysPerUserQuota: 2, PolicySizeQuota: 6144, Roles: 0 });
  expect(await desk.as()('listRoles')).toMatchObject({ roles: [], isTruncated: false });
});
