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
  publicKey(KeyId: string): Promise<KeyObject>;
  /** DER SubjectPublicKeyInfo. */
  spki(KeyId: string): Promise<Uint8Array>;
  /** Records of an event, oldest first. */
  records(eventName: string): Promise<Record<string, unknown>[]>;
}

export async function wire(options?: ClusterOptions): Promise<Wire> {
  const system = await cluster(options);
  const kms = new KMSClient({ ...system.clientConfig, maxAttempts: 1 });
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
    publicKey: async (KeyId) => createPublicKey({ key: Buffer.from(await spki(KeyId)), format: 'der', type: 'spki' }),
    records: async (eventName) => {
      const { rows } = await audit.query<{ rec: Record<string, unknown> }>({
        text: `select (convert_from(body, 'UTF8')::jsonb)->'rec' as rec from audit_leaf order by idx`,
      });
      return rows.map(({ rec }) => rec).filter((rec) => rec['eventName'] === eventName);
    },
    [Symbol.asyncDispose]: async () => {
      kms.destroy();
      await system[Symbol.asyncDispose]();
    },
  };
}

/** AWS's refusal as a test expects it. */
export const refused = (name: string, message?: string) =>
  message === undefined ? { name: `${name}Exception` } : { name: `${name}Exception`, message };
