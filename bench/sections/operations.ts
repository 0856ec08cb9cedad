import { randomBytes } from 'node:crypto';
import { callKms } from '../http/kms.js';
import type { Target } from '../http/connection.js';
import type { Credentials } from '../http/sign.js';

/** What is measured on both wires. */
export const operations = ['GenerateDataKey', 'Encrypt', 'Decrypt'] as const;
export type Operation = (typeof operations)[number];
export const callerCounts = [16, 64] as const;

/** What the operations are asked with. */
export interface Material {
  readonly keyId: string;
  /** 1 KiB. */
  readonly plaintext: Buffer;
  /** The plaintext under the key. */
  readonly ciphertext: Buffer;
  readonly encryptionContext: Record<string, string>;
}

/** Makes a key and a ciphertext, and sees that it opens again: what is measured shall also be right. */
export async function prepareMaterial(target: Target, credentials: Credentials): Promise<Material> {
  const ask = <Output>(operation: string, input: object): Promise<Output> =>
    callKms<Output>(target, operation, input, credentials);
  const { KeyMetadata } = await ask<{ KeyMetadata: { Arn: string } }>('CreateKey', { Description: 'bench' });
  const plaintext = randomBytes(1_024);
  const encryptionContext = { purpose: 'bench' };
  const common = { KeyId: KeyMetadata.Arn, EncryptionContext: encryptionContext };
  const { CiphertextBlob } = await ask<{ CiphertextBlob: string }>('Encrypt', {
    ...common,
    Plaintext: plaintext.toString('base64'),
  });
  const { Plaintext } = await ask<{ Plaintext: string }>('Decrypt', { ...common, CiphertextBlob });
  if (Plaintext !== plaintext.toString('base64')) throw new Error('Decrypt gave back something else');
  return { keyId: KeyMetadata.Arn, plaintext, ciphertext: Buffer.from(CiphertextBlob, 'base64'), encryptionContext };
}
