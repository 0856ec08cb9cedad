import { CreateAccessKeyCommand, CreateUserCommand, IAMClient, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import {
  CreateKeyCommand,
  GetPublicKeyCommand,
  KMSClient,
  type CreateKeyCommandInput,
  type KeyMetadata,
} from '@aws-sdk/client-kms';
import { createPublicKey, type KeyObject } from 'node:crypto';
import { cluster, type Cluster, type ClusterOptions } from '@keystead/testing/cluster';

/** The whole system, with AWS's SDK in front of it. */
export interface Wire extends AsyncDisposable {
  readonly system: Cluster;
  readonly kms: KMSClient;
  createKey(input?: CreateKeyCommandInput): Promise<KeyMetadata & { readonly KeyId: string; readonly Arn: string }>;
  /** A client in the name of a new user, with a policy of its own. */
  user(UserName: string, policy?: object): Promise<WireUser>;
  publicKey(KeyId: string): Promise<KeyObject>;
  /** DER SubjectPublicKeyInfo. */
  spki(KeyId: string): Promise<Uint8Array>;
  /** Records of an event, oldest first. */
  records(eventName: string): Promise<Record<string, unknown>[]>;
}

/** A user with AWS's SDK. */
export interface WireUser {
  readonly arn: string;
  readonly kms: KMSClient;
}

export async function wire(options?: ClusterOptions): Promise<Wire> {
  const system = await cluster(options);
  const kms = new KMSClient({ ...system.clientConfig, maxAttempts: 1 });
  const iam = new IAMClient({ ...system.clientConfig, maxAttempts: 1 });
  const clients: KMSClient[] = [kms];
  const audit = system.database.adminPool('audit-service');
  const spki = async (KeyId: string): Promise<Uint8Array> => {
    const { PublicKey } = await kms.send(new GetPublicKeyCommand({ KeyId }));
    return PublicKey ?? new Uint8Array();
  };
  return {
    ...{ system, kms, spki },
    createKey: async (input = {}) => {
      const { KeyMetadata } = await kms.send(new CreateKeyCommand(input));
      return KeyMetadata as KeyMetadata & { KeyId: string; Arn: string };
    },
    user: async (UserName, policy) => {
      const { User } = await iam.send(new CreateUserCommand({ UserName }));
      const PolicyDocument = JSON.stringify(policy);
      if (policy) await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: 'own', PolicyDocument }));
      const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
      const { AccessKeyId: accessKeyId = '', SecretAccessKey: secretAccessKey = '' } = AccessKey ?? {};
      const credentials = { accessKeyId, secretAccessKey };
      const client = new KMSClient({ ...system.clientConfig, credentials, maxAttempts: 1 });
      clients.push(client);
      return { arn: User?.Arn ?? '', kms: client };
    },
    publicKey: async (KeyId) => createPublicKey({ key: Buffer.from(await spki(KeyId)), format: 'der', type: 'spki' }),
    records: async (eventName) => {
      const { rows } = await audit.query<{ rec: Record<string, unknown> }>({
        text: `select (convert_from(body, 'UTF8')::jsonb)->'rec' as rec from audit_leaf order by idx`,
      });
      return rows.map(({ rec }) => rec).filter((rec) => rec['eventName'] === eventName);
    },
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) client.destroy();
      iam.destroy();
      await system[Symbol.asyncDispose]();
    },
  };
}

/** AWS's refusal as a test expects it. */
export const refused = (name: string, message?: string) =>
  message === undefined ? { name: `${name}Exception` } : { name: `${name}Exception`, message };
