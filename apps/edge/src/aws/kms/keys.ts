import type { KeyListEntry, KeyMetadata, Tag } from '@keystead/proto/kms';
import { flag, integer, list, structure, text, texts } from '../json/read.js';
import { each, object, plain, seconds, unlessEmpty, type Writer } from '../json/write.js';
import { kms } from './operation.js';

export const tag = structure<Tag>({ tagKey: text, tagValue: text });

const metadata = object<KeyMetadata>(
  {
    awsAccountId: plain,
    keyId: plain,
    arn: plain,
    creationDateMs: seconds,
    enabled: plain,
    description: plain,
    keyUsage: plain,
    keyState: plain,
    deletionDateMs: seconds,
    validToMs: seconds,
    origin: plain,
    keyManager: plain,
    keySpec: plain,
    encryptionAlgorithms: unlessEmpty,
    signingAlgorithms: unlessEmpty,
    macAlgorithms: unlessEmpty,
    keyAgreementAlgorithms: unlessEmpty,
    encapsulationAlgorithms: unlessEmpty,
    multiRegion: plain,
    currentKeyMaterialId: plain,
    expirationModel: plain,
    customKeyStoreId: plain,
  },
  { awsAccountId: 'AWSAccountId' },
);

/** The old name of KeySpec is still part of every answer. */
const keyMetadata: Writer<KeyMetadata> = (key) => ({
  ...(metadata(key) as object),
  CustomerMasterKeySpec: key.keySpec,
});

const entry = object<KeyListEntry>({ keyId: plain, keyArn: plain });

export const createKey = kms(
  'createKey',
  {
    policy: text,
    description: text,
    keyUsage: text,
    keySpec: text,
    customerMasterKeySpec: text,
    origin: text,
    customKeyStoreId: text,
    bypassPolicyLockoutSafetyCheck: flag,
    tags: list(tag),
    multiRegion: flag,
    xksKeyId: text,
  },
  { keyMetadata },
);

export const describeKey = kms('describeKey', { keyId: text, grantTokens: texts }, { keyMetadata });

export const listKeys = kms(
  'listKeys',
  { limit: integer, marker: text },
  { keys: each(entry), nextMarker: plain, truncated: plain },
);

export const updateKeyDescription = kms('updateKeyDescription', { keyId: text, description: text });
