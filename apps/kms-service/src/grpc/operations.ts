import type { Call } from '@keystead/proto/kms';
import type { Operation } from './execute.js';
import { cancelKeyDeletion } from './operations/cancel-key-deletion.js';
import { createAlias } from './operations/create-alias.js';
import { createGrant } from './operations/create-grant.js';
import { createKey } from './operations/create-key.js';
import { decapsulate } from './operations/decapsulate.js';
import { decrypt } from './operations/decrypt.js';
import { deleteAlias } from './operations/delete-alias.js';
import { deleteImportedKeyMaterial } from './operations/delete-imported-key-material.js';
import { deriveSharedSecret } from './operations/derive-shared-secret.js';
import { describeKey } from './operations/describe-key.js';
import { disableKeyRotation } from './operations/disable-key-rotation.js';
import { disableKey } from './operations/disable-key.js';
import { enableKeyRotation } from './operations/enable-key-rotation.js';
import { enableKey } from './operations/enable-key.js';
import { encapsulate } from './operations/encapsulate.js';
import { encrypt } from './operations/encrypt.js';
import { generateDataKeyPairWithoutPlaintext } from './operations/generate-data-key-pair-without-plaintext.js';
import { generateDataKeyPair } from './operations/generate-data-key-pair.js';
import { generateDataKeyWithoutPlaintext } from './operations/generate-data-key-without-plaintext.js';
import { generateDataKey } from './operations/generate-data-key.js';
import { generateMac } from './operations/generate-mac.js';
import { generateRandom } from './operations/generate-random.js';
import { getKeyLastUsage } from './operations/get-key-last-usage.js';
import { getKeyPolicy } from './operations/get-key-policy.js';
import { getKeyRotationStatus } from './operations/get-key-rotation-status.js';
import { getParametersForImport } from './operations/get-parameters-for-import.js';
import { getPublicKey } from './operations/get-public-key.js';
import { importKeyMaterial } from './operations/import-key-material.js';
import { listAliases } from './operations/list-aliases.js';
import { listGrants } from './operations/list-grants.js';
import { listKeyPolicies } from './operations/list-key-policies.js';
import { listKeyRotations } from './operations/list-key-rotations.js';
import { listKeys } from './operations/list-keys.js';
import { listResourceTags } from './operations/list-resource-tags.js';
import { listRetirableGrants } from './operations/list-retirable-grants.js';
import { putKeyPolicy } from './operations/put-key-policy.js';
import { reEncrypt } from './operations/re-encrypt.js';
import { retireGrant } from './operations/retire-grant.js';
import { revokeGrant } from './operations/revoke-grant.js';
import { rotateKeyOnDemand } from './operations/rotate-key-on-demand.js';
import { scheduleKeyDeletion } from './operations/schedule-key-deletion.js';
import { sign } from './operations/sign.js';
import { tagResource } from './operations/tag-resource.js';
import { untagResource } from './operations/untag-resource.js';
import { updateAlias } from './operations/update-alias.js';
import { updateKeyDescription } from './operations/update-key-description.js';
import { verifyMac } from './operations/verify-mac.js';
import { verify } from './operations/verify.js';

type Case = NonNullable<Call['operation']>['$case'];

/** Every operation that is offered, by its name on the wire; one forgotten does not compile. */
export const operations = {
  cancelKeyDeletion,
  createAlias,
  createGrant,
  createKey,
  decapsulate,
  decrypt,
  deleteAlias,
  deleteImportedKeyMaterial,
  deriveSharedSecret,
  describeKey,
  disableKey,
  disableKeyRotation,
  enableKey,
  enableKeyRotation,
  encapsulate,
  encrypt,
  generateDataKey,
  generateDataKeyPair,
  generateDataKeyPairWithoutPlaintext,
  generateDataKeyWithoutPlaintext,
  generateMac,
  generateRandom,
  getKeyLastUsage,
  getKeyPolicy,
  getKeyRotationStatus,
  getParametersForImport,
  getPublicKey,
  importKeyMaterial,
  listAliases,
  listGrants,
  listKeyPolicies,
  listKeyRotations,
  listKeys,
  listResourceTags,
  listRetirableGrants,
  putKeyPolicy,
  reEncrypt,
  retireGrant,
  revokeGrant,
  rotateKeyOnDemand,
  scheduleKeyDeletion,
  sign,
  tagResource,
  untagResource,
  updateAlias,
  updateKeyDescription,
  verify,
  verifyMac,
} satisfies { readonly [Name in Case]: Operation<never, object> };

/** The name of an operation on the wire. */
export type OperationCase = keyof typeof operations;
