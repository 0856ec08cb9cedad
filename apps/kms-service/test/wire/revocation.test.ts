import {
  CreateAccessKeyCommand,
  DeleteUserPolicyCommand,
  GetUserCommand,
  IAMClient,
  PutUserPolicyCommand,
  UpdateAccessKeyCommand,
} from '@aws-sdk/client-iam';
import {
  CreateGrantCommand,
  DisableKeyCommand,
  EncryptCommand,
  KMSClient,
  PutKeyPolicyCommand,
  RevokeGrantCommand,
} from '@aws-sdk/client-kms';
import { PrincipalType, type CallContext } from '@keystead/proto/common';
import { KmsServiceService, type Call, type Result } from '@keystead/proto/kms';
import { pipelineClient, tlsIdentity, type PipelineClient, type Running } from '@keystead/service';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config.js';
import { start } from '../../src/main.js';
import { contextOf } from '../support/system.js';
import { wire, type Wire } from './kms.js';

/** Calls during each change; `npm run campaign:revocation` makes 100,000. */
const calls = Number(process.env['KEYSTEAD_REVOCATION_CALLS'] ?? 900);
const timeout = 60_000 + calls * 20;
/** Connections to each replica, and calls in flight on each. */
const connections = 2;
const inFlight = 8;
/** AWS's SDK through edge is slower than gRPC, so it makes fewer calls. */
const overHttp = 4;

type Stream = PipelineClient<NonNullable<Call['operation']>, NonNullable<Result['outcome']>>;

let w: Wire;
let iam: IAMClient;
let second: Running;
const closers: (() => unknown)[] = [];
const streams: Stream[] = [];

beforeAll(async () => {
  w = await wire({ env: { 'kms-service': { KEYSTEAD_REPLICAS: '2' } } });
  iam = new IAMClient({ ...w.system.clientConfig, maxAttempts: 1 });
  const { pki, database, addresses } = w.system;
  const { url, passwordFile } = database.of('kms-service');
  second = await start(
    readConfig({
      ...{ KEYSTEAD_TLS_DIR: await pki.dir('kms-service'), KEYSTEAD_LOG_LEVEL: 'silent', KEYSTEAD_REPLICAS: '2' },
      ...{ KEYSTEAD_DATABASE_URL: url, KEYSTEAD_DATABASE_PASSWORD_FILE: passwordFile, KEYSTEAD_LISTEN: '127.0.0.1:0' },
      KEYSTEAD_HSM_ADDRESS: addresses['hsm-service'],
      KEYSTEAD_IAM_ADDRESS: addresses['iam-service'],
      KEYSTEAD_AUDIT_ADDRESS: addresses['audit-service'],
    }),
  );
  const tls = tlsIdentity(await pki.dir('edge'));
  closers.push(() => tls.close());
  for (const address of [addresses['kms-service'] ?? '', second.address]) {
    for (let index = 0; index < connections; index++) {
      const { pipeline: method } = KmsServiceService;
      const stream: Stream = pipelineClient({ method, address, tls, expected: 'kms-service' });
      streams.push(stream);
      closers.push(() => stream.close());
    }
  }
});
afterAll(async () => {
  for (const close of closers.reverse()) close();
  iam.destroy();
  await second.close();
  await w[Symbol.asyncDispose]();
});

interface Caller {
  readonly userName: string;
  readonly arn: string;
  readonly context: CallContext;
  readonly http: KMSClient;
  readonly accessKeyId: string;
}

const allow = (Principal?: object) => ({
  Effect: 'Allow',
  ...(Principal && { Principal }),
  Action: 'kms:*',
  Resource: '*',
});
const document = (...Statement: object[]) => JSON.stringify({ Version: '2012-10-17', Statement });

async function caller(userName: string, policy?: object): Promise<Caller> {
  const { arn } = await w.user(userName, policy);
  const { User } = await iam.send(new GetUserCommand({ UserName: userName }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: userName }));
  const { AccessKeyId: accessKeyId = '', SecretAccessKey: secretAccessKey = '' } = AccessKey ?? {};
  const http = new KMSClient({
    ...{ ...w.system.clientConfig, credentials: { accessKeyId, secretAccessKey }, maxAttempts: 1 },
  });
  closers.push(() => http.destroy());
  const { UserId: uniqueId = '' } = User ?? {};
  const [, , , , account = ''] = arn.split(':');
  const context = contextOf({ type: PrincipalType.PRINCIPAL_TYPE_IAM_USER, arn, uniqueId, account, userName });
  return { userName, arn, context, http, accessKeyId };
}

interface Made {
  readonly startedAt: number;
  readonly endedAt: number;
  /** The name of the error; undefined for an answer. */
  readonly refusal: string | undefined;
}

type Shot = () => Promise<unknown>;

const plaintext = Buffer.from('x');

/** Encrypt over every connection to both replicas, and through edge. */
function everyWay({ context, http }: Caller, keyId: string): Shot[] {
  const request = { keyId, plaintext, encryptionContext: {}, grantTokens: [] };
  const direct = streams.flatMap((stream) =>
    Array.from({ length: inFlight }, () => () => stream.request('encrypt', request, { context })),
  );
  return [...direct, ...throughEdge({ http }, keyId)];
}

function throughEdge({ http }: Pick<Caller, 'http'>, KeyId: string): Shot[] {
  return Array.from({ length: overHttp }, () => () => http.send(new EncryptCommand({ KeyId, Plaintext: plaintext })));
}

/**
 * Makes calls without a pause from all shooters, and the change after a third of them; proves that no call which began
 * after the change was acknowledged had an answer.
 */
async function revokedFor(refusals: string[], shots: readonly Shot[], count: number, change: () => Promise<unknown>) {
  const made: Made[] = [];
  let begun = 0;
  let changed: Promise<{ askedAt: number; acknowledgedAt: number }> | undefined;
  const changing = async (): Promise<{ askedAt: number; acknowledgedAt: number }> => {
    const askedAt = performance.now();
    await change();
    return { askedAt, acknowledgedAt: performance.now() };
  };
  let acknowledged = false;
  await Promise.all(
    shots.map(async (shoot) => {
      // As many again after the answer, however long it took.
      while (begun < count || !acknowledged) {
        begun++;
        if (begun > count / 3 && !changed) {
          changed = changing();
          void changed.finally(() => {
            acknowledged = true;
            count = Math.max(count, begun + count / 3);
          });
        }
        const startedAt = performance.now();
        const refusal = await shoot().then(
          () => undefined,
          (error: unknown) => (error as Error).name,
        );
        made.push({ startedAt, endedAt: performance.now(), refusal });
      }
    }),
  );
  const { askedAt, acknowledgedAt } = (await changed) ?? { askedAt: NaN, acknowledgedAt: NaN };
  const before = made.filter((one) => one.endedAt < askedAt);
  const after = made.filter((one) => one.startedAt > acknowledgedAt);
  // How many calls fit in before the change depends on the machine; that some did is what counts.
  expect(before.length).toBeGreaterThan(50);
  expect(before.filter((one) => one.refusal !== undefined)).toEqual([]);
  expect(after.length).toBeGreaterThan(50);
  expect(after.filter((one) => one.refusal === undefined)).toEqual([]);
  expect([...new Set(made.flatMap(({ refusal }) => refusal ?? []))].sort()).toEqual(refusals);
  return { made: made.length, ms: Math.round(acknowledgedAt - askedAt) };
}

describe(`under load from ${connections} connections to each of two replicas, and through edge`, () => {
  const denied = ['AccessDeniedException'];

  test('a grant that was revoked', { timeout }, async () => {
    const { KeyId } = await w.createKey();
    const user = await caller('granted');
    const wanted = { KeyId, GranteePrincipal: user.arn, Operations: ['Encrypt' as const] };
    const { GrantId } = await w.kms.send(new CreateGrantCommand(wanted));
    const change = () => w.kms.send(new RevokeGrantCommand({ KeyId, GrantId }));
    await revokedFor(denied, everyWay(user, KeyId), calls, change);
  });

  test('a key policy that was replaced', { timeout }, async () => {
    const user = await caller('named');
    const { KeyId, AWSAccountId } = await w.createKey();
    const root = allow({ AWS: `arn:aws:iam::${AWSAccountId}:root` });
    const put = (Policy: string) => w.kms.send(new PutKeyPolicyCommand({ KeyId, Policy }));
    await put(document(root, allow({ AWS: user.arn })));
    await revokedFor(denied, everyWay(user, KeyId), calls, () => put(document(root)));
  });

  test('a key that was disabled, by the other replica', { timeout }, async () => {
    const user = await caller('owner', JSON.parse(document(allow())) as object);
    const { KeyId } = await w.createKey();
    const [stream] = streams.slice(-1);
    const change = () => (stream as Stream).request('disableKey', { keyId: KeyId }, { context: user.context });
    await revokedFor(['DisabledException'], everyWay(user, KeyId), calls, change);
    await expect(w.kms.send(new DisableKeyCommand({ KeyId }))).resolves.toBeDefined();
  });

  test('a policy that was taken from a user', { timeout }, async () => {
    const user = await caller('allowed', JSON.parse(document(allow())) as object);
    const { KeyId } = await w.createKey();
    const change = () => iam.send(new DeleteUserPolicyCommand({ UserName: user.userName, PolicyName: 'own' }));
    await revokedFor(denied, everyWay(user, KeyId), calls, change);
  });

  test('a user whom a policy denies', { timeout }, async () => {
    const user = await caller('trusted', JSON.parse(document(allow())) as object);
    const { KeyId } = await w.createKey();
    const PolicyDocument = document(allow(), { ...allow(), Effect: 'Deny' });
    const change = () =>
      iam.send(new PutUserPolicyCommand({ UserName: user.userName, PolicyName: 'own', PolicyDocument }));
    await revokedFor(denied, everyWay(user, KeyId), calls, change);
  });

  test('an access key that was deactivated', { timeout }, async () => {
    const user = await caller('keyholder', JSON.parse(document(allow())) as object);
    const { KeyId } = await w.createKey();
    const wanted = { UserName: user.userName, AccessKeyId: user.accessKeyId, Status: 'Inactive' as const };
    const change = () => iam.send(new UpdateAccessKeyCommand(wanted));
    const shots = Array.from({ length: 4 }, () => throughEdge(user, KeyId)).flat();
    await revokedFor(['UnrecognizedClientException'], shots, Math.ceil(calls / 3), change);
  });
});
