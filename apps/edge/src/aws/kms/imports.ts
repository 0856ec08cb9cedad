import { blob, text, timestamp } from '../json/read.js';
import { base64, plain, seconds, unlessEmpty } from '../json/write.js';
import { kms } from './operation.js';

export const getParametersForImport = kms(
  'getParametersForImport',
  { keyId: text, wrappingAlgorithm: text, wrappingKeySpec: text },
  { keyId: plain, importToken: base64, publicKey: base64, parametersValidToMs: seconds },
);

export const importKeyMaterial = kms(
  'importKeyMaterial',
  {
    keyId: text,
    importToken: blob,
    encryptedKeyMaterial: blob,
    validToMs: timestamp,
    expirationModel: text,
    importType: text,
    keyMaterialDescription: text,
    keyMaterialId: text,
  },
  { keyId: plain, keyMaterialId: unlessEmpty },
);

export const deleteImportedKeyMaterial = kms(
  'deleteImportedKeyMaterial',
  { keyId: text, keyMaterialId: text },
  { keyId: plain, keyMaterialId: unlessEmpty },
);
