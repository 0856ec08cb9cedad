import { createHash } from 'node:crypto';
import { cloudTrailDate, type Json } from '@keystead/audit';
import { hasCode, KeysteadError } from '@keystead/errors';
import type { ImportKeyMaterialRequest, ImportKeyMaterialResponse } from '@keystead/proto/kms';
import { materialIdText, tokenFacts } from '../../clients/material.js';
import {
  imported,
  planImport,
  requireExternal,
  type ImportPlan,
  type ImportWish,
  type Opened,
} from '../../domain/imports.js';
import { symmetric } from '../../domain/key.js';
import type { LoadedKey } from '../../domain/loaded-key.js';
import { requireState } from '../../domain/state.js';
import type { Operation } from '../execute.js';
import type { KmsCall } from '../kms-call.js';
import { changeKey } from './change-key.js';

const empty = new Uint8Array();

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_ImportKeyMaterial.html */
export const importKeyMaterial: Operation<ImportKeyMaterialRequest, ImportKeyMaterialResponse> = {
  name: 'ImportKeyMaterial',
  parameters: parametersOf,
  async run(request, call) {
    const wish = wishOf(request);
    const { expirationModel, validTo } = wish;
    const about = { action: 'kms:ImportKeyMaterial', facts: { expirationModel, validTo } };
    const loaded = await call.manage(request.keyId ?? '', about);
    const { key } = loaded;
    requireExternal(key);
    requireState('ImportKeyMaterial', key);
    const opened = await openMaterial(request, loaded, planImport(loaded, wish, call.at), call);
    const shown = key.spec === symmetric ? opened.materialId : '';
    const elements = (): Record<string, Json> => ({ keyId: key.arn, ...(shown && { keyMaterialId: shown }) });
    await changeKey(importKeyMaterial, request, call, key, save(request, wish, opened, call), elements);
    return { keyId: key.arn, keyMaterialId: shown };
  },
};

/** The change: what is stored now is asked again, and the import token is used up with it. */
function save(
  request: ImportKeyMaterialRequest,
  wish: ImportWish,
  opened: Opened,
  call: KmsCall,
): Parameters<typeof changeKey>[4] {
  return async (stored, change) => {
    requireState('ImportKeyMaterial', stored.key);
    const plan = planImport(stored, wish, call.at);
    const { key, material, insert } = imported(stored, plan, opened, wish.description, call.at);
    const tokenHash = createHash('sha256')
      .update(request.importToken ?? empty)
      .digest();
    await change.spendImportToken(key.account, tokenHash);
    await (insert ? change.addMaterial(material) : change.saveMaterial(material));
    return key;
  };
}

/**
 * Lets the HSM open the material. Which of several materials is imported again is known only then: its token is asked
 * for once more, with the generation that it has.
 */
async function openMaterial(
  request: ImportKeyMaterialRequest,
  { key, materials }: LoadedKey,
  plan: ImportPlan,
  call: KmsCall,
): Promise<Opened> {
  const open = async (generation: number): Promise<Opened> => {
    const { token, materialId } = await call.environment.hsm
      .request('importKeyMaterial', {
        ...tokenFacts(key),
        generation,
        importToken: request.importToken ?? empty,
        encryptedKeyMaterial: request.encryptedKeyMaterial ?? empty,
        expectedMaterialId: Buffer.from(plan.expected ?? '', 'hex'),
      })
      .catch(unknownDomainKey);
    return { token, materialId: materialIdText(materialId), generation };
  };
  const opened = await open(plan.generation);
  const known = materials.find(({ materialId }) => materialId === opened.materialId);
  if (plan.fresh || !known || known.generation === opened.generation) return opened;
  return open(known.generation);
}

/** A domain key that no HSM has: the caller changed the token. */
function unknownDomainKey(error: unknown): never {
  if (!hasCode(error, 'RootBehind')) throw error;
  throw new KeysteadError('InvalidImportToken', 'The import token is invalid, or belongs to another KMS key.');
}

function wishOf(request: ImportKeyMaterialRequest): ImportWish {
  return {
    validTo: request.validToMs === undefined ? undefined : new Date(Number(request.validToMs)),
    expirationModel: request.expirationModel,
    importType: request.importType,
    description: request.keyMaterialDescription,
    keyMaterialId: request.keyMaterialId,
  };
}

function parametersOf(request: ImportKeyMaterialRequest): Record<string, Json> {
  const { validTo, importType, keyMaterialId, description } = wishOf(request);
  return {
    keyId: request.keyId ?? '',
    expirationModel: request.expirationModel ?? 'KEY_MATERIAL_EXPIRES',
    ...(validTo && { validTo: cloudTrailDate(validTo) }),
    ...(importType !== undefined && { importType }),
    ...(keyMaterialId !== undefined && { keyMaterialId }),
    ...(description !== undefined && { keyMaterialDescription: description }),
  };
}
