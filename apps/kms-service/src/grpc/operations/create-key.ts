import { randomUUID } from 'node:crypto';
import type { CreateKeyRequest, CreateKeyResponse } from '@keystead/proto/kms';
import { generateMaterial } from '../../clients/material.js';
import { wantedKind, type Kind } from '../../domain/creation.js';
import { defaultPolicy } from '../../domain/key-policy.js';
import { keyArn, type Key } from '../../domain/key.js';
import { requireTags } from '../../domain/tags.js';
import { commitRecorded, type Operation } from '../execute.js';
import { keyMetadata, recordedMetadata } from '../key-metadata.js';
import type { KmsCall } from '../kms-call.js';
import { acceptedPolicy } from './accepted-policy.js';

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html */
export const createKey: Operation<CreateKeyRequest, CreateKeyResponse> = {
  name: 'CreateKey',
  parameters: ({ policy, description = '', tags, ...request }) => ({
    ...(policy === undefined ? {} : { policy }),
    ...(tags.length === 0 ? {} : { tags: tags.map(({ tagKey, tagValue }) => ({ tagKey, tagValue })) }),
    ...{ description, keyUsage: request.keyUsage ?? 'ENCRYPT_DECRYPT', origin: request.origin ?? 'AWS_KMS' },
    keySpec: request.keySpec ?? request.customerMasterKeySpec ?? 'SYMMETRIC_DEFAULT',
    customerMasterKeySpec: request.customerMasterKeySpec ?? request.keySpec ?? 'SYMMETRIC_DEFAULT',
    multiRegion: request.multiRegion ?? false,
    bypassPolicyLockoutSafetyCheck: request.bypassPolicyLockoutSafetyCheck ?? false,
  }),
  async run(request, call) {
    const kind = wantedKind(request);
    requireTags(request.tags);
    await authorize(request, kind, call);
    const key = await newKey(request, kind, call);
    const { hsm } = call.environment;
    const first = { generation: 0, rotationType: null };
    const material = key.origin === 'EXTERNAL' ? undefined : await generateMaterial(hsm, key, first, call.at);
    await commitRecorded(createKey, request, call, async (change) => {
      await change.insertKey(key, material, request.tags);
      call.notes = { responseElements: { keyMetadata: recordedMetadata(key) } };
    });
    return { keyMetadata: keyMetadata(key, material) };
  },
};

async function authorize(request: CreateKeyRequest, kind: Kind, call: KmsCall): Promise<void> {
  const facts = {
    requestTags: request.tags,
    tagKeys: request.tags.map(({ tagKey }) => tagKey),
    bypassPolicyLockoutSafetyCheck: request.bypassPolicyLockoutSafetyCheck,
  };
  const about = { key: { ...kind, account: call.account }, tags: [], aliases: [] };
  await call.authorizeAccount('kms:CreateKey', { facts, about });
  if (request.tags.length > 0) await call.authorizeAccount('kms:TagResource', { facts, about });
}

async function newKey(request: CreateKeyRequest, kind: Kind, call: KmsCall): Promise<Key> {
  const { account, environment } = call;
  const id = randomUUID();
  const arn = keyArn(environment.region, account, id);
  call.resources.push({ arn, accountId: account, type: 'AWS::KMS::Key' });
  const about = { key: { ...kind, account }, tags: request.tags, aliases: [] };
  const written =
    request.policy === undefined
      ? { policy: defaultPolicy(account), principals: {} }
      : await acceptedPolicy(request.policy, call, {
          ...{ arn, about, bypass: request.bypassPolicyLockoutSafetyCheck ?? false },
        });
  return {
    ...{ account, id, arn, ...kind, ...written },
    ...{ description: request.description ?? '', manager: 'CUSTOMER', createdAt: call.at },
    state: kind.origin === 'EXTERNAL' ? 'PendingImport' : 'Enabled',
    ...{ deletionDate: null, generation: 0, rotationPeriodDays: null, nextRotationAt: null, onDemandRotations: 0 },
  };
}
