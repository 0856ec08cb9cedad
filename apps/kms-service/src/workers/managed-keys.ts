import { randomUUID } from 'node:crypto';
import { hasCode } from '@keystead/errors';
import { generateMaterial } from '../clients/material.js';
import type { HsmClient } from '../clients/hsm.js';
import { keyArn, s3ManagedAlias, serviceAccount, symmetric, type Key, type KeyManager } from '../domain/key.js';
import { defaultPolicy, s3ManagedPolicy } from '../domain/key-policy.js';
import { serviceAliases } from '../domain/service-principal.js';
import type { Change, KeyStore } from '../store/key-store.js';

/** What making keys for AWS and the services needs. */
export interface Maker {
  readonly region: string;
  readonly store: KeyStore;
  readonly hsm: HsmClient;
  readonly now: () => Date;
  commit<T>(work: (change: Change) => Promise<T>): Promise<T>;
}

interface Managed {
  readonly account: string;
  readonly alias: string;
  readonly manager: KeyManager;
  readonly description: string;
  readonly policy: string;
}

const rotationDays = 365;

/** Makes the keys of the services themselves where they are missing: at the first start. */
export async function ensureServiceKeys(maker: Maker): Promise<void> {
  for (const alias of serviceAliases) {
    const policy = defaultPolicy(serviceAccount);
    await ensure(maker, {
      account: serviceAccount,
      alias,
      manager: 'SERVICE',
      description: `Key of ${alias.slice(6)}`,
      policy,
    });
  }
}

/** The id of an account's alias/aws/s3; made when S3 first encrypts for the account without a key of the customer's. */
export function ensureS3Key(maker: Maker, account: string): Promise<string> {
  const policy = s3ManagedPolicy(account, maker.region);
  const description = 'Default key that protects my S3 objects when no other key is defined';
  return ensure(maker, { account, alias: s3ManagedAlias, manager: 'AWS', description, policy });
}

async function ensure(maker: Maker, wanted: Managed): Promise<string> {
  const there = await maker.store.alias(wanted.account, wanted.alias);
  if (there) return there.keyId;
  try {
    return await make(maker, wanted);
  } catch (error) {
    // Another process was quicker.
    const made = hasCode(error, 'AlreadyExists') ? await maker.store.alias(wanted.account, wanted.alias) : undefined;
    if (!made) throw error;
    return made.keyId;
  }
}

async function make(maker: Maker, { account, alias, ...rest }: Managed): Promise<string> {
  const id = randomUUID();
  const now = maker.now();
  const key: Key = {
    ...{ account, id, arn: keyArn(maker.region, account, id), ...rest, principals: {} },
    ...{ spec: symmetric, usage: 'ENCRYPT_DECRYPT', origin: 'AWS_KMS', multiRegion: false, state: 'Enabled' },
    ...{ createdAt: now, deletionDate: null, generation: 0, onDemandRotations: 0 },
    ...{ rotationPeriodDays: rotationDays, nextRotationAt: new Date(now.getTime() + rotationDays * 86_400_000) },
  };
  const material = await generateMaterial(maker.hsm, key, { generation: 0, rotationType: null }, now);
  await maker.commit(async (change) => {
    await change.insertKey(key, material, []);
    await change.insertAlias(maker.region, { account, name: alias, keyId: id, createdAt: now, updatedAt: now });
  });
  return id;
}
