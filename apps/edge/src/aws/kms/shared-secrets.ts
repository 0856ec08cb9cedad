import { blob, flag, text, texts } from '../json/read.js';
import { base64, plain } from '../json/write.js';
import { recipient } from './ciphertexts.js';
import { kms } from './operation.js';

const request = { keyId: text, grantTokens: texts, dryRun: flag };

export const deriveSharedSecret = kms(
  'deriveSharedSecret',
  { ...request, keyAgreementAlgorithm: text, publicKey: blob, recipient },
  { keyId: plain, sharedSecret: base64, keyAgreementAlgorithm: plain, keyOrigin: plain },
);

export const encapsulate = kms(
  'encapsulate',
  { ...request, encapsulationAlgorithm: text },
  { keyId: plain, sharedSecret: base64, sharedSecretCiphertextBlob: base64, encapsulationAlgorithm: plain },
);

export const decapsulate = kms(
  'decapsulate',
  { ...request, sharedSecretCiphertextBlob: blob, encapsulationAlgorithm: text },
  { keyId: plain, sharedSecret: base64, encapsulationAlgorithm: plain },
);
