import type { GetPublicKeyResponse } from '@keystead/proto/kms';
import type { JsonOperation } from '../json/operation.js';
import { blob, flag, text, texts } from '../json/read.js';
import { base64, object, plain, unlessEmpty } from '../json/write.js';
import { kms } from './operation.js';

const signing = {
  keyId: text,
  message: blob,
  messageType: text,
  grantTokens: texts,
  signingAlgorithm: text,
  dryRun: flag,
};

const publicKeyShape = {
  keyId: plain,
  publicKey: base64,
  keySpec: plain,
  keyUsage: plain,
  encryptionAlgorithms: unlessEmpty,
  signingAlgorithms: unlessEmpty,
  keyAgreementAlgorithms: unlessEmpty,
  encapsulationAlgorithms: unlessEmpty,
};
const publicKey = object<GetPublicKeyResponse>(publicKeyShape);

/** The old name of KeySpec is still part of the answer. */
export const getPublicKey: JsonOperation = {
  ...kms('getPublicKey', { keyId: text, grantTokens: texts }, publicKeyShape),
  write: (answer) => {
    const response = answer as GetPublicKeyResponse;
    return { ...(publicKey(response) as object), CustomerMasterKeySpec: response.keySpec };
  },
};

export const sign = kms('sign', signing, { keyId: plain, signature: base64, signingAlgorithm: plain });

export const verify = kms(
  'verify',
  { ...signing, signature: blob },
  { keyId: plain, signatureValid: plain, signingAlgorithm: plain },
);

const mac = { keyId: text, message: blob, macAlgorithm: text, grantTokens: texts, dryRun: flag };

export const generateMac = kms('generateMac', mac, { mac: base64, macAlgorithm: plain, keyId: plain });

export const verifyMac = kms(
  'verifyMac',
  { ...mac, mac: blob },
  { keyId: plain, macValid: plain, macAlgorithm: plain },
);
