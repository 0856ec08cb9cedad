import type { Json } from '@keystead/audit';
import type { DeleteImportedKeyMaterialRequest, DeleteImportedKeyMaterialResponse } from '@keystead/proto/kms';
import { deleteMaterial, requireExternal } from '../../domain/imports.js';
import { symmetric } from '../../domain/key.js';
import { requireState } from '../../domain/state.js';
import type { Operation } from '../execute.js';
import { changeKey } from './change-key.js';

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_DeleteImportedKeyMaterial.html */
export const deleteImportedKeyMaterial: Operation<DeleteImportedKeyMaterialRequest, DeleteImportedKeyMaterialResponse> =
  {
    name: 'DeleteImportedKeyMaterial',
    async run(request, call) {
      const { key } = await call.manage(request.keyId ?? '', { action: 'kms:DeleteImportedKeyMaterial' });
      requireExternal(key);
      let shown = '';
      const elements = (): Record<string, Json> => ({ keyId: key.arn, ...(shown && { keyMaterialId: shown }) });
      await changeKey(
        deleteImportedKeyMaterial,
        request,
        call,
        key,
        async (stored, change) => {
          requireState('DeleteImportedKeyMaterial', stored.key);
          const { key: changed, material, forget } = deleteMaterial(stored, request.keyMaterialId);
          if (material) await (forget ? change.forgetMaterial(material) : change.saveMaterial(material));
          shown = key.spec === symmetric ? (material?.materialId ?? '') : '';
          return changed;
        },
        elements,
      );
      return { keyId: key.arn, keyMaterialId: shown };
    },
  };
