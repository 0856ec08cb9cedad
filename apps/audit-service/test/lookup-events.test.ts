import { CloudTrailClient, LookupEventsCommand, type LookupEventsCommandInput } from '@aws-sdk/client-cloudtrail';
import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  DeleteUserPolicyCommand,
  IAMClient,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import { CreateAliasCommand, CreateKeyCommand, DecryptCommand, EncryptCommand, KMSClient } from '@aws-sdk/client-kms';
import { cluster, type Cluster } from '@keystead/testing/cluster';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

let system: Cluster;
let kms: KMSClient;
let iam: IAMClient;
let trail: CloudTrailClient;
let keyArn = '';
const once = { maxAttempts: 1 };

beforeAll(async () => {
  system = await cluster();
  kms = new KMSClient({ ...system.clientConfig, ...once });
  iam = new IAMClient({ ...system.clientConfig, ...once });
  trail = new CloudTrailClient({ ...system.clientConfig, ...once });
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({ Description: 'looked up' }));
  keyArn = KeyMetadata?.Arn ?? '';
  await kms.send(new CreateAliasCommand({ AliasName: 'alias/seen', TargetKeyId: keyArn }));
});
afterAll(async () => {
  for (const client of [kms, iam, trail]) client.destroy();
  await system[Symbol.asyncDispose]();
});

const lookUp = async (input: LookupEventsCommandInput = {}, client = trail) =>
  (await client.send(new LookupEventsCommand(input))).Events ?? [];
const by = (AttributeKey: 'EventName' | 'ResourceName' | 'Username', AttributeValue: string) => ({
  LookupAttributes: [{ AttributeKey, AttributeValue }],
});

describe("LookupEvents through AWS's SDK", () => {
  test('is recorded whatever it is asked', async () => {
    const before = await lookUp(by('EventName', 'LookupEvents'));
    const far = new Date(8.64e15);
    const AttributeKey = 'x'.repeat(100_000) as 'EventName';
    await expect(lookUp({ StartTime: far, EndTime: far })).resolves.toEqual([]);
    await expect(lookUp({ LookupAttributes: [{ AttributeKey, AttributeValue: 'v' }] })).rejects.toMatchObject({
      name: 'InvalidLookupAttributesException',
    });
    expect((await lookUp(by('EventName', 'LookupEvents'))).length).toBe(before.length + 3);
  });

  test('shows a call with its context and without its secrets', async () => {
    const EncryptionContext = { tenant: 'blue' };
    const Plaintext = Buffer.from('the plaintext itself');
    const { CiphertextBlob } = await kms.send(
      new EncryptCommand({ KeyId: 'alias/seen', Plaintext, EncryptionContext }),
    );
    await kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }));
    const failing = kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext: { tenant: 'red' } }));
    await expect(failing).rejects.toMatchObject({ name: 'InvalidCiphertextException' });

    const [failed, decrypted] = await lookUp(by('EventName', 'Decrypt'));
    expect(failed).toMatchObject({ EventSource: 'kms.amazonaws.com', ReadOnly: 'true', Username: 'administrator' });
    const records = [failed, decrypted].map((event) => JSON.parse(event?.CloudTrailEvent ?? '') as object);
    expect(records[0]).toMatchObject({ errorCode: 'InvalidCiphertextException' });
    expect(records[1]).toMatchObject({
      requestParameters: { encryptionContext: EncryptionContext },
      responseElements: null,
      userIdentity: { type: 'IAMUser', userName: 'administrator' },
    });
    const everything = JSON.stringify(await lookUp());
    expect(everything).not.toContain(Plaintext.toString('base64'));
    expect(everything).not.toContain(Buffer.from(CiphertextBlob ?? []).toString('base64'));
    const names = (await lookUp(by('ResourceName', keyArn))).map(({ EventName }) => EventName);
    expect(names).toEqual(expect.arrayContaining(['CreateKey', 'CreateAlias', 'Encrypt', 'Decrypt']));
  });

  test('is allowed by policy, takes the right away at once, and is an event itself', async () => {
    const UserName = 'auditor';
    await iam.send(new CreateUserCommand({ UserName }));
    const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
    const credentials = {
      accessKeyId: AccessKey?.AccessKeyId ?? '',
      secretAccessKey: AccessKey?.SecretAccessKey ?? '',
    };
    const theirs = new CloudTrailClient({ ...system.clientConfig, credentials, ...once });
    const denied = {
      name: 'AccessDeniedException',
      message: expect.stringContaining('cloudtrail:LookupEvents') as string,
    };
    await expect(lookUp({}, theirs)).rejects.toMatchObject(denied);

    const Statement = [{ Effect: 'Allow', Action: 'cloudtrail:LookupEvents', Resource: '*' }];
    const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
    await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: 'look', PolicyDocument }));
    expect((await lookUp(by('EventName', 'CreateUser'), theirs)).length).toBe(1);
    await iam.send(new DeleteUserPolicyCommand({ UserName, PolicyName: 'look' }));
    await expect(lookUp({}, theirs)).rejects.toMatchObject(denied);
    theirs.destroy();

    const attempts = (await lookUp(by('Username', UserName))).map(
      (event) => JSON.parse(event.CloudTrailEvent ?? '') as object,
    );
    expect(attempts).toMatchObject([
      { eventName: 'LookupEvents', errorCode: 'AccessDenied' },
      { eventName: 'LookupEvents', requestParameters: { lookupAttributes: [{ attributeKey: 'EventName' }] } },
      { eventName: 'LookupEvents', errorCode: 'AccessDenied' },
    ]);
  });

  test("pages, and refuses by AWS's names", async () => {
    const first = await trail.send(new LookupEventsCommand({ MaxResults: 2 }));
    const { NextToken = '' } = first;
    const second = await trail.send(new LookupEventsCommand({ MaxResults: 2, NextToken }));
    const ids = [...(first.Events ?? []), ...(second.Events ?? [])].map(({ EventId }) => EventId);
    expect(new Set(ids).size).toBe(4);
    const reject = (input: LookupEventsCommandInput, name: string) =>
      expect(trail.send(new LookupEventsCommand(input))).rejects.toMatchObject({ name });
    await reject({ MaxResults: 3, NextToken }, 'InvalidNextTokenException');
    await reject({ MaxResults: 51 }, 'InvalidMaxResultsException');
    await reject({ StartTime: new Date(2_000), EndTime: new Date(1_000) }, 'InvalidTimeRangeException');
    const two = {
      LookupAttributes: [...by('EventName', 'a').LookupAttributes, ...by('Username', 'b').LookupAttributes],
    };
    await reject(two, 'InvalidLookupAttributesException');
  });
});
