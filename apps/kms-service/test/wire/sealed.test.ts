import {
  CloudTrailClient,
  LookupEventsCommand,
  type Event,
  type LookupEventsCommandInput,
} from '@aws-sdk/client-cloudtrail';
import { CreateUserCommand, IAMClient } from '@aws-sdk/client-iam';
import {
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateRandomCommand,
  KMSClient,
  ListKeysCommand,
  type KMSClientConfig,
} from '@aws-sdk/client-kms';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { operatorName } from '@keystead/pki';
import {
  HsmCeremonyServiceClient,
  RootCondition,
  type ExecuteCommandResponse,
  type PrepareCommandResponse,
  type RootSecret,
  type UnsealResponse,
} from '@keystead/proto/hsm';
import { channelCredentials, channelOptions, invoke, tlsIdentity, type TlsIdentity } from '@keystead/service';
import { cluster, type Cluster } from '@keystead/testing/cluster';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let system: Cluster;
let operator: HsmCeremonyServiceClient;
let tls: TlsIdentity;
let kms: KMSClient;
let retrying: KMSClient;
let trail: CloudTrailClient;

beforeAll(async () => {
  system = await cluster();
  tls = tlsIdentity(await system.pki.dirFor(operatorName(system.pki.trustDomain, 'ann')));
  const address = system.addresses['hsm-service'] ?? '';
  operator = new HsmCeremonyServiceClient(address, channelCredentials(tls, 'hsm-service'), channelOptions);
  const config: KMSClientConfig = { ...system.clientConfig, maxAttempts: 1 };
  kms = new KMSClient(config);
  retrying = new KMSClient({ ...config, maxAttempts: 30 });
  trail = new CloudTrailClient(system.clientConfig);
});
afterAll(async () => {
  for (const client of [kms, retrying, trail]) client.destroy();
  operator.close();
  tls.close();
  await system[Symbol.asyncDispose]();
});

async function run(command: string, args: Record<string, string> = {}): Promise<ExecuteCommandResponse> {
  const request = { command, arguments: args, secret: undefined, validSeconds: 0 };
  const prepared = await invoke<typeof request, PrepareCommandResponse>(
    operator.prepareCommand.bind(operator),
    request,
  );
  const execution = { command: prepared.command, signatures: [], secret: undefined };
  return invoke<typeof execution, ExecuteCommandResponse>(operator.executeCommand.bind(operator), execution);
}

function unseal(line: Uint8Array): Promise<UnsealResponse> {
  const secret: RootSecret = { secret: { $case: 'share', value: Buffer.from(line) } };
  return invoke<{ secret: RootSecret }, UnsealResponse>(operator.unseal.bind(operator), { secret });
}

async function refusedInTime(work: Promise<unknown>): Promise<void> {
  const begun = performance.now();
  await expect(work).rejects.toMatchObject({ name: 'KMSInternalException', $fault: 'server' });
  expect(performance.now() - begun).toBeLessThan(2_000);
}

test('while the HSM is sealed cryptography answers KMSInternalException, everything else goes on, and no restart is needed', async () => {
  const { shares } = await run('add-recipient', { name: 'board', threshold: '2', count: '3' });
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
  const KeyId = KeyMetadata?.KeyId ?? '';
  const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId, Plaintext: Buffer.from('kept') }));
  const iam = new IAMClient({ ...system.clientConfig, maxAttempts: 1 });
  const s3 = new S3Client({ ...system.clientConfig, maxAttempts: 1 });
  await s3.send(new CreateBucketCommand({ Bucket: 'sealed' }));
  // What checks a signature is derived from a wrapped secret once for each key, day and service; then it is at hand.
  await iam.send(new CreateUserCommand({ UserName: 'before' }));
  await trail.send(new LookupEventsCommand({}));

  await run('seal');
  await refusedInTime(kms.send(new DecryptCommand({ CiphertextBlob })));
  await refusedInTime(kms.send(new EncryptCommand({ KeyId, Plaintext: Buffer.from('x') })));
  await refusedInTime(kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' })));
  await refusedInTime(kms.send(new CreateKeyCommand({})));
  await refusedInTime(kms.send(new GenerateRandomCommand({ NumberOfBytes: 16 })));
  await expect(
    s3.send(new PutObjectCommand({ Bucket: 'sealed', Key: 'k', Body: 'v', ServerSideEncryption: 'aws:kms' })),
  ).rejects.toMatchObject({ $metadata: { httpStatusCode: expect.any(Number) as number } });
  expect((await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.KeyState).toBe('Enabled');
  expect((await kms.send(new ListKeysCommand({}))).Keys?.map((key) => key.KeyId)).toContain(KeyId);
  await iam.send(new CreateUserCommand({ UserName: 'made-while-sealed' }));
  expect((await trail.send(new LookupEventsCommand({}))).Events?.length).toBeGreaterThan(0);

  // A service that is restarted meanwhile comes up all the same.
  await system.restart('kms-service');
  expect((await retrying.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.KeyState).toBe('Enabled');
  await refusedInTime(kms.send(new DecryptCommand({ CiphertextBlob })));

  // A call that an SDK retries is answered as soon as the root is open.
  const waiting = retrying.send(new DecryptCommand({ CiphertextBlob }));
  await unseal(shares[2] as Uint8Array);
  await refusedInTime(kms.send(new DecryptCommand({ CiphertextBlob })));
  const { condition } = await unseal(shares[0] as Uint8Array);
  expect(condition).toBe(RootCondition.ROOT_CONDITION_OPEN);
  expect(Buffer.from((await waiting).Plaintext ?? []).toString()).toBe('kept');
  await s3.send(new PutObjectCommand({ Bucket: 'sealed', Key: 'k', Body: 'v', ServerSideEncryption: 'aws:kms' }));
  iam.destroy();
  s3.destroy();
});

test('LookupEvents shows each ceremony once, with who did it and what was refused, and no share', async () => {
  await system.restart('audit-service');
  await expect(run('remove-recipient', { name: 'nobody' })).rejects.toMatchObject({ code: 'NotFound' });
  const input: LookupEventsCommandInput = {
    LookupAttributes: [{ AttributeKey: 'EventSource', AttributeValue: 'hsm.keystead.internal' }],
  };
  const events = async (): Promise<Event[]> => {
    const { Events = [] } = await trail.send(new LookupEventsCommand(input));
    // What kms-service itself notices of the root is no ceremony.
    return Events.filter(({ EventName = '' }) => !EventName.startsWith('HsmRoot'));
  };
  await expect
    .poll(async () => (await events()).map(({ EventName }) => EventName), { timeout: 15_000 })
    .toEqual(['RemoveRecipient', 'UnsealRoot', 'UnsealRoot', 'SealRoot', 'AddRecipient']);
  const [removed, opened, , , added] = (await events()).map(({ CloudTrailEvent = '{}' }) => {
    return JSON.parse(CloudTrailEvent) as Record<string, unknown>;
  });
  expect(removed).toMatchObject({ errorCode: 'NotFoundException', requestParameters: { name: 'nobody' } });
  expect(opened).toMatchObject({
    userIdentity: { type: 'AWSService', invokedBy: 'hsm.keystead.internal' },
    requestParameters: { with: 'SHARE' },
    additionalEventData: { operator: 'ann', operatorSourceIPAddress: '127.0.0.1', rootGeneration: '2' },
  });
  expect(added).toMatchObject({ requestParameters: { name: 'board', kind: 'SHAMIR', threshold: '2', count: '3' } });
  expect(JSON.stringify([removed, opened, added])).not.toContain('ks1');
});
