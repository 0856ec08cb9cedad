import { flag, integer, text, textMap, texts } from '../json/read.js';
import { base64, plain, unlessEmpty } from '../json/write.js';
import { recipient } from './ciphertexts.js';
import { kms } from './operation.js';

const request = {
  keyId: text,
  encryptionContext: textMap,
  numberOfBytes: integer,
  keySpec: text,
  grantTokens: texts,
  dryRun: flag,
};

export const generateDataKey = kms(
  'generateDataKey',
  { ...request, recipient },
  { ciphertextBlob: base64, plaintext: base64, keyId: plain, keyMaterialId: unlessEmpty },
);

export const generateDataKeyWithoutPlaintext = kms('generateDataKeyWithoutPlaintext', request, {
  ciphertextBlob: base64,
  keyId: plain,
  keyMaterialId: unlessEmpty,
});

export const generateRandom = kms(
  'generateRandom',
  { numberOfBytes: integer, customKeyStoreId: text, recipient },
  { plaintext: base64 },
);

const pairRequest = { encryptionContext: textMap, keyId: text, keyPairSpec: text, grantTokens: texts, dryRun: flag };

const pairResponse = {
  privateKeyCiphertextBlob: base64,
  publicKey: base64,
  keyId: plain,
  keyPairSpec: plain,
  keyMaterialId: unlessEmpty,
};

export const generateDataKeyPair = kms(
  'generateDataKeyPair',
  { ...pairRequest, recipient },
  { ...pairResponse, privateKeyPlaintext: base64 },
);

export const generateDataKeyPairWithoutPlaintext = kms(
  'generateDataKeyPairWithoutPlaintext',
  pairRequest,
  pairResponse,
);
