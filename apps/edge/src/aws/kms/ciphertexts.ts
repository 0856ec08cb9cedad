import type { RecipientInfo } from '@keystead/proto/kms';
import { blob, flag, structure, text, textMap, texts } from '../json/read.js';
import { base64, plain, unlessEmpty } from '../json/write.js';
import { kms } from './operation.js';

export const recipient = structure<RecipientInfo>({ keyEncryptionAlgorithm: text, attestationDocument: blob });

export const encrypt = kms(
  'encrypt',
  {
    keyId: text,
    plaintext: blob,
    encryptionContext: textMap,
    grantTokens: texts,
    encryptionAlgorithm: text,
    dryRun: flag,
  },
  { ciphertextBlob: base64, keyId: plain, encryptionAlgorithm: plain },
);

export const decrypt = kms(
  'decrypt',
  {
    ciphertextBlob: blob,
    encryptionContext: textMap,
    grantTokens: texts,
    keyId: text,
    encryptionAlgorithm: text,
    dryRun: flag,
    dryRunModifiers: texts,
    recipient,
  },
  { keyId: plain, plaintext: base64, encryptionAlgorithm: plain, keyMaterialId: unlessEmpty },
);

export const reEncrypt = kms(
  'reEncrypt',
  {
    ciphertextBlob: blob,
    sourceEncryptionContext: textMap,
    sourceKeyId: text,
    destinationKeyId: text,
    destinationEncryptionContext: textMap,
    sourceEncryptionAlgorithm: text,
    destinationEncryptionAlgorithm: text,
    grantTokens: texts,
    dryRun: flag,
    dryRunModifiers: texts,
  },
  {
    ciphertextBlob: base64,
    sourceKeyId: plain,
    keyId: plain,
    sourceEncryptionAlgorithm: plain,
    destinationEncryptionAlgorithm: plain,
    sourceKeyMaterialId: unlessEmpty,
    destinationKeyMaterialId: unlessEmpty,
  },
);
