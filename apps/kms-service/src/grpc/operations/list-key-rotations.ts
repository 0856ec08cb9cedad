import type { ListKeyRotationsRequest, ListKeyRotationsResponse } from '@keystead/proto/kms';
import { pageOf, readMarker } from '../../domain/paging.js';
import { requireRotatable, rotations } from '../../domain/rotation.js';
import type { Operation } from '../execute.js';

const defaultLimit = 100;

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeyRotations.html */
export const listKeyRotations: Operation<ListKeyRotationsRequest, ListKeyRotationsResponse> = {
  name: 'ListKeyRotations',
  async run(request, call) {
    const { key, materials } = await call.manage(request.keyId ?? '', { action: 'kms:ListKeyRotations' });
    requireRotatable('ListKeyRotations', key);
    const list = `rotations ${key.account} ${key.id}`;
    const { limit = defaultLimit } = request;
    const after = Number(readMarker(list, request.marker) ?? -1);
    const rows = rotations(materials, request.includeKeyMaterial).filter(({ generation }) => generation > after);
    const page = pageOf(list, rows.slice(0, limit + 1), limit, ({ generation }) => String(generation));
    const entries = page.items.map(({ generation, materialId, rotationType, createdAt }) => ({
      keyId: key.id,
      keyMaterialId: materialId,
      keyMaterialState: generation === key.generation ? 'CURRENT' : 'NON_CURRENT',
      rotationDateMs: rotationType === null ? undefined : BigInt(createdAt.getTime()),
      rotationType: rotationType ?? undefined,
    }));
    return { rotations: entries, nextMarker: page.nextMarker, truncated: page.nextMarker !== undefined };
  },
};
