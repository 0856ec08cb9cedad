import type { Constraint } from './validation.js';

/** AWS's enumerations as its API model lists them; messages print them in this order. */
const customerMasterKeySpecs = [
  ...['RSA_2048', 'RSA_3072', 'RSA_4096', 'ECC_NIST_P256', 'ECC_NIST_P384', 'ECC_NIST_P521', 'ECC_SECG_P256K1'],
  ...['SYMMETRIC_DEFAULT', 'HMAC_224', 'HMAC_256', 'HMAC_384', 'HMAC_512', 'SM2'],
];
const keySpecs = [
  ...customerMasterKeySpecs,
  ...['ML_DSA_44', 'ML_DSA_65', 'ML_DSA_87', 'ECC_NIST_EDWARDS25519', 'ML_KEM_512', 'ML_KEM_768', 'ML_KEM_1024'],
];
const keyUsages = ['SIGN_VERIFY', 'ENCRYPT_DECRYPT', 'GENERATE_VERIFY_MAC', 'KEY_AGREEMENT', 'ENCAPSULATE_DECAPSULATE'];
const algorithms = ['SYMMETRIC_DEFAULT', 'RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256', 'SM2PKE'];
const origins = ['AWS_KMS', 'EXTERNAL', 'AWS_CLOUDHSM', 'EXTERNAL_KEY_STORE'];

const id = (field: string, required = true): Constraint => ({ field, required, min: 1, max: 2048 });
const keyId = id('keyId');
const description: Constraint = { field: 'description', max: 8192 };
const policy: Constraint = {
  field: 'policy',
  min: 1,
  max: 131_072,
  // eslint-disable-next-line no-control-regex -- AWS's own expression
  pattern: [/^[\u0009\u000A\u000D\u0020-\u00FF]+$/, '[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+'],
};
const policyName: Constraint = { field: 'policyName', min: 1, max: 128, pattern: [/^\w+$/, '[\\w]+'] };
const limit: Constraint = { field: 'limit', min: 1, max: 1000 };
const marker: Constraint = {
  field: 'marker',
  min: 1,
  max: 1024,
  pattern: [/^[\u0020-\u00FF]*$/, '[\\u0020-\\u00FF]*'],
};
const page = [limit, marker];
const aliasName: Constraint = {
  ...{ field: 'aliasName', required: true, min: 1, max: 256 },
  pattern: [/^[a-zA-Z0-9:/_-]+$/, '^[a-zA-Z0-9:/_-]+$'],
};
const tags: Constraint = {
  field: 'tags',
  members: [
    { field: 'tagKey', min: 1, max: 128 },
    { field: 'tagValue', max: 256 },
  ],
};
const plaintext: Constraint = { field: 'plaintext', required: true, min: 1, max: 4096 };
const ciphertext: Constraint = { field: 'ciphertextBlob', min: 1, max: 6144 };
const grantToken = { min: 1, max: 8192 };
const grantOperationNames = [
  ...['Decrypt', 'Encrypt', 'GenerateDataKey', 'GenerateDataKeyWithoutPlaintext', 'ReEncryptFrom', 'ReEncryptTo'],
  ...['Sign', 'Verify', 'GetPublicKey', 'CreateGrant', 'RetireGrant', 'DescribeKey', 'GenerateDataKeyPair'],
  ...['GenerateDataKeyPairWithoutPlaintext', 'GenerateMac', 'VerifyMac', 'DeriveSharedSecret', 'Encapsulate'],
  'Decapsulate',
];
const principal = (field: string, required = false): Constraint => ({
  ...{ field, required, min: 1, max: 256, pattern: [/^[\w+=,.@:/-]+$/, '^[\\w+=,.@:/-]+$'] },
});
const grantId = (required = true): Constraint => ({ field: 'grantId', required, min: 1, max: 128 });
const grantTokens: Constraint = { field: 'grantTokens', max: 10, each: grantToken };
const algorithm = (field: string): Constraint => ({ field, values: algorithms });
const modifiers: Constraint = { field: 'dryRunModifiers', each: { values: ['IGNORE_CIPHERTEXT'] } };
const storeId: Constraint = { field: 'customKeyStoreId', min: 1, max: 64 };
const message: Constraint = { field: 'message', required: true, min: 1, max: 4096 };
const messageType: Constraint = { field: 'messageType', values: ['RAW', 'DIGEST', 'EXTERNAL_MU'] };
const signingAlgorithms = [
  ...['RSASSA_PSS_SHA_256', 'RSASSA_PSS_SHA_384', 'RSASSA_PSS_SHA_512', 'RSASSA_PKCS1_V1_5_SHA_256'],
  ...['RSASSA_PKCS1_V1_5_SHA_384', 'RSASSA_PKCS1_V1_5_SHA_512', 'ECDSA_SHA_256', 'ECDSA_SHA_384', 'ECDSA_SHA_512'],
  ...['SM2DSA', 'ML_DSA_SHAKE_256', 'ED25519_SHA_512', 'ED25519_PH_SHA_512'],
];
const signingAlgorithm: Constraint = { field: 'signingAlgorithm', required: true, values: signingAlgorithms };
const macAlgorithm: Constraint = {
  field: 'macAlgorithm',
  required: true,
  values: ['HMAC_SHA_224', 'HMAC_SHA_256', 'HMAC_SHA_384', 'HMAC_SHA_512'],
};
const encapsulationAlgorithm: Constraint = { field: 'encapsulationAlgorithm', required: true, values: ['ML_KEM'] };
/** Bytes that the API model calls a ciphertext. */
const sealedBytes = (field: string): Constraint => ({ field, required: true, min: 1, max: 6144 });
const dataKeyPairSpecs = [
  ...['RSA_2048', 'RSA_3072', 'RSA_4096', 'ECC_NIST_P256', 'ECC_NIST_P384', 'ECC_NIST_P521', 'ECC_SECG_P256K1', 'SM2'],
  ...['ECC_NIST_EDWARDS25519', 'ML_KEM_512', 'ML_KEM_768', 'ML_KEM_1024'],
];
const wrappingAlgorithms = [
  ...['RSAES_PKCS1_V1_5', 'RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256', 'RSA_AES_KEY_WRAP_SHA_1'],
  ...['RSA_AES_KEY_WRAP_SHA_256', 'SM2PKE'],
];
const materialId: Constraint = { field: 'keyMaterialId', min: 64, max: 64, pattern: [/^[a-f0-9]+$/, '^[a-f0-9]+$'] };
// Not in AWS's model, whose requests are limited as a whole: one call must fit the HSM's largest message.
const encryptionContext = (field = 'encryptionContext'): Constraint => ({ field, maxMapBytes: 32_768 });
const dataKeyPair = [
  ...[encryptionContext(), keyId, grantTokens],
  { field: 'keyPairSpec', required: true, values: dataKeyPairSpecs },
];
const dataKey = [
  encryptionContext(),
  keyId,
  { field: 'numberOfBytes', min: 1, max: 1024 },
  { field: 'keySpec', values: ['AES_256', 'AES_128'] },
  grantTokens,
];

/** The constraints of the API model (botocore's service model of KMS), by operation; the one place for both wires. */
export const constraints = {
  CreateKey: [
    ...[policy, description, { field: 'keyUsage', values: keyUsages }, { field: 'keySpec', values: keySpecs }],
    ...[
      { field: 'customerMasterKeySpec', values: customerMasterKeySpecs },
      { field: 'origin', values: origins },
    ],
    ...[
      storeId,
      tags,
      { field: 'xksKeyId', min: 1, max: 128, pattern: [/^[a-zA-Z0-9-_.]+$/, '^[a-zA-Z0-9-_.]+$'] as const },
    ],
  ],
  DescribeKey: [keyId, grantTokens],
  ListKeys: page,
  UpdateKeyDescription: [keyId, { ...description, required: true }],
  EnableKey: [keyId],
  DisableKey: [keyId],
  ScheduleKeyDeletion: [keyId, { field: 'pendingWindowInDays', min: 1, max: 365 }],
  CancelKeyDeletion: [keyId],
  CreateAlias: [aliasName, id('targetKeyId')],
  UpdateAlias: [aliasName, id('targetKeyId')],
  DeleteAlias: [aliasName],
  ListAliases: [id('keyId', false), ...page],
  PutKeyPolicy: [keyId, policyName, { ...policy, required: true }],
  GetKeyPolicy: [keyId, policyName],
  ListKeyPolicies: [keyId, ...page],
  TagResource: [keyId, { ...tags, required: true }],
  UntagResource: [keyId, { field: 'tagKeys', required: true, each: { min: 1, max: 128 } }],
  ListResourceTags: [keyId, ...page],
  EnableKeyRotation: [keyId, { field: 'rotationPeriodInDays', min: 90, max: 2560 }],
  DisableKeyRotation: [keyId],
  GetKeyRotationStatus: [keyId],
  GetKeyLastUsage: [keyId],
  RotateKeyOnDemand: [keyId],
  ListKeyRotations: [keyId, { field: 'includeKeyMaterial', values: ['ALL_KEY_MATERIAL', 'ROTATIONS_ONLY'] }, ...page],
  Encrypt: [keyId, encryptionContext(), plaintext, grantTokens, algorithm('encryptionAlgorithm')],
  Decrypt: [
    ciphertext,
    encryptionContext(),
    grantTokens,
    id('keyId', false),
    algorithm('encryptionAlgorithm'),
    modifiers,
  ],
  ReEncrypt: [
    ...[encryptionContext('sourceEncryptionContext'), encryptionContext('destinationEncryptionContext')],
    ...[ciphertext, id('sourceKeyId', false), id('destinationKeyId'), algorithm('sourceEncryptionAlgorithm')],
    ...[algorithm('destinationEncryptionAlgorithm'), grantTokens, modifiers],
  ],
  GenerateDataKey: dataKey,
  GenerateDataKeyWithoutPlaintext: dataKey,
  GenerateDataKeyPair: dataKeyPair,
  GenerateDataKeyPairWithoutPlaintext: dataKeyPair,
  GetPublicKey: [keyId, grantTokens],
  Sign: [keyId, message, messageType, grantTokens, signingAlgorithm],
  Verify: [keyId, message, messageType, sealedBytes('signature'), signingAlgorithm, grantTokens],
  GenerateMac: [message, keyId, macAlgorithm, grantTokens],
  VerifyMac: [message, keyId, macAlgorithm, sealedBytes('mac'), grantTokens],
  DeriveSharedSecret: [
    ...[keyId, grantTokens],
    { field: 'keyAgreementAlgorithm', required: true, values: ['ECDH'] },
    { field: 'publicKey', required: true, min: 1, max: 8192 },
  ],
  Encapsulate: [keyId, encapsulationAlgorithm, grantTokens],
  Decapsulate: [keyId, sealedBytes('sharedSecretCiphertextBlob'), encapsulationAlgorithm, grantTokens],
  GetParametersForImport: [
    keyId,
    { field: 'wrappingAlgorithm', required: true, values: wrappingAlgorithms },
    { field: 'wrappingKeySpec', required: true, values: ['RSA_2048', 'RSA_3072', 'RSA_4096', 'SM2'] },
  ],
  ImportKeyMaterial: [
    ...[keyId, sealedBytes('importToken'), sealedBytes('encryptedKeyMaterial'), materialId],
    { field: 'expirationModel', values: ['KEY_MATERIAL_EXPIRES', 'KEY_MATERIAL_DOES_NOT_EXPIRE'] },
    { field: 'importType', values: ['NEW_KEY_MATERIAL', 'EXISTING_KEY_MATERIAL'] },
    {
      ...{ field: 'keyMaterialDescription', max: 256 },
      pattern: [/^[a-zA-Z0-9:/_\s.-]+$/, '^[a-zA-Z0-9:/_\\s.-]+$'] as const,
    },
  ],
  DeleteImportedKeyMaterial: [keyId, materialId],
  CreateGrant: [
    ...[keyId, principal('granteePrincipal'), principal('retiringPrincipal')],
    { field: 'operations', required: true, each: { values: grantOperationNames } },
    ...[
      grantTokens,
      { field: 'name', min: 1, max: 256, pattern: [/^[a-zA-Z0-9:/_-]+$/, '^[a-zA-Z0-9:/_-]+$'] as const },
    ],
  ],
  ListGrants: [...page, keyId, grantId(false), principal('granteePrincipal')],
  ListRetirableGrants: [...page, principal('retiringPrincipal')],
  RetireGrant: [{ field: 'grantToken', ...grantToken }, id('keyId', false), grantId(false)],
  RevokeGrant: [keyId, grantId()],
  GenerateRandom: [{ field: 'numberOfBytes', min: 1, max: 1024 }, storeId],
} satisfies Record<string, readonly Constraint[]>;

/** A KMS operation by AWS's name. */
export type OperationName = keyof typeof constraints;
