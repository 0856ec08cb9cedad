import { KeysteadError } from '@keystead/errors';
import type { KeyReference } from '@keystead/proto/hsm';
import { materialOf } from '../../domain/blob.js';
import { encryptionAlgorithm as hsmAlgorithm } from '../../clients/hsm-names.js';
import { requireAlgorithm, requireNoContext } from '../../domain/algorithms.js';
import { dryRunSucceeded } from '../../domain/data-key.js';
import { symmetric } from '../../domain/key.js';
import { usable, type LoadedKey, type UsableMaterial } from '../../domain/loaded-key.js';
import { requireState, requireUsage, type KeyOperation } from '../../domain/state.js';
import { validationError } from '../../domain/validation.js';
import type { KmsCall, Located } from '../kms-call.js';

export const symmetricDefault = 'SYMMETRIC_DEFAULT';

/** What the HSM must find authenticated in the token. */
export function reference({ account, keyId, token }: UsableMaterial): KeyReference {
  return { account, keyId, token };
}

/** The facts for condition keys; no context is the same as an empty one. */
export function facts(context: Record<string, string>, encryptionAlgorithm = symmetricDefault) {
  for (const _ in context) return { encryptionContext: context, encryptionAlgorithm };
  return { encryptionAlgorithm };
}

/**
 * Usage, state and algorithm, after authorization; answers the material that is current. Errors: Disabled,
 * InvalidKeyUsage, KmsInvalidState.
 */
export function requireUsable(
  operation: KeyOperation,
  key: LoadedKey,
  algorithm: string | undefined,
  call: KmsCall,
): UsableMaterial {
  requireUsage(operation, key.key);
  requireState(operation, key.key);
  if (algorithm !== undefined) requireAlgorithm(key.key, algorithm);
  return usable(key, key.current, call.at);
}

/** What Encrypt, Decrypt and both sides of ReEncrypt need. Errors: as requireUsable, Validation. */
export function requireCipher(
  operation: KeyOperation,
  key: LoadedKey,
  { algorithm, context }: { algorithm: string; context: Readonly<Record<string, string>> },
  call: KmsCall,
): UsableMaterial {
  const current = requireUsable(operation, key, algorithm, call);
  requireNoContext(key.key.spec, context);
  return current;
}

/** Data keys are encrypted under symmetric keys only. Errors: as requireUsable. */
export function requireSymmetricKey(operation: KeyOperation, key: LoadedKey, call: KmsCall): UsableMaterial {
  return requireUsable(operation, key, symmetricDefault, call);
}

/** What the HSM is told of the algorithm. */
export const onHsm = hsmAlgorithm;

/** AWS names the material of symmetric keys only: the others have one. */
export function shownMaterial({ key }: LoadedKey, { materialId }: UsableMaterial): string {
  return key.spec === symmetric ? materialId : '';
}

/** The record of a call with a symmetric key names the material. */
export function noteMaterial(call: KmsCall, names: Readonly<Record<string, string>>): void {
  const shown = Object.entries(names).filter(([, id]) => id !== '');
  if (shown.length > 0) call.notes = { additionalEventData: Object.fromEntries(shown) };
}

/**
 * The end of a dry run: every check has passed. What only the HSM can check, it has been asked, and the answer is
 * overwritten. Errors: DryRunOperation.
 */
export function endDryRun(dryRun: boolean | undefined, ...answers: readonly Uint8Array[]): void {
  if (dryRun !== true) return;
  for (const answer of answers) answer.fill(0);
  throw dryRunSucceeded();
}

/** Errors: UnsupportedOperation. */
export function requireNoRecipient(recipient: object | undefined): void {
  if (recipient)
    throw new KeysteadError('UnsupportedOperation', 'Recipient (attestation documents) is not offered yet.');
}

/** What a request says about a ciphertext and its key. */
export interface Sealed {
  readonly ciphertextBlob: Uint8Array | undefined;
  /** The key that the caller expects. */
  readonly keyId: string | undefined;
  readonly dryRun: boolean | undefined;
  readonly dryRunModifiers: readonly string[];
  /** RSA ciphertexts name no key. */
  readonly algorithm: string;
  /** As AWS names the member in which the key is given. */
  readonly keyField: 'keyId' | 'sourceKeyId';
}

/** Where the key of a ciphertext is; the material is absent only in a dry run that ignores the ciphertext. */
export interface Opened {
  readonly located: Located;
  readonly materialId: string | undefined;
}

/** True for a dry run that asks for permissions only. */
export function ignoresCiphertext({
  dryRun,
  dryRunModifiers,
}: {
  readonly dryRun?: boolean | undefined;
  readonly dryRunModifiers: readonly string[];
}): boolean {
  return dryRun === true && dryRunModifiers.includes('IGNORE_CIPHERTEXT');
}

/** Finds the key that a ciphertext names, or that the request names. Errors: InvalidCiphertext, Validation, and as KmsCall.locate. */
export async function locateSealed(sealed: Sealed, call: KmsCall, action: string): Promise<Opened> {
  const { ciphertextBlob, keyId } = sealed;
  if (ignoresCiphertext(sealed)) {
    if (keyId === undefined) throw missing(sealed.keyField);
    return { located: await call.locate(keyId, action), materialId: undefined };
  }
  if (!ciphertextBlob) throw missing('ciphertextBlob');
  const materialId = materialOf(ciphertextBlob) ?? '';
  if (keyId !== undefined) return { located: await call.locate(keyId, action), materialId };
  if (sealed.algorithm !== symmetricDefault) throw missing(sealed.keyField);
  const { directory } = call.environment;
  const owner = await directory.keyOfMaterial(materialId);
  // A material whose key was deleted names nothing any more, whatever this process remembers of it.
  const key = owner && (directory.peek(owner.account, owner.id) ?? (await directory.key(owner.account, owner.id)));
  if (!owner || !key) throw new KeysteadError('InvalidCiphertext');
  return { located: owner, materialId };
}

/** The material of a ciphertext, after authorization. Errors: IncorrectKey, InvalidCiphertext. */
export async function sealedMaterial(
  key: LoadedKey,
  materialId: string | undefined,
  call: KmsCall,
): Promise<UsableMaterial> {
  // An RSA key has one material, and nothing in its ciphertexts names it.
  if (materialId === undefined || key.key.spec !== symmetric) return usable(key, key.current, call.at);
  const material = key.material(materialId);
  if (material) return usable(key, material, call.at);
  if (materialId !== '' && (await call.environment.directory.keyOfMaterial(materialId))) {
    throw new KeysteadError(
      'IncorrectKey',
      'The key ID in the request does not identify a CMK that can perform this operation.',
    );
  }
  throw new KeysteadError('InvalidCiphertext');
}

function missing(field: string): KeysteadError {
  return validationError([`Value null at '${field}' failed to satisfy constraint: Member must not be null`]);
}
