import type { ListKeyRotationsRequest, ListKeyRotationsResponse, RotationsListEntry } from '@keystead/proto/kms';
import { pageOf, readMarker } from '../../domain/paging.js';
import type { Key, Material } from '../../domain/key.js';
import { materialState, requireRotatable, rotations } from '../../domain/rotation.js';
import type { Operation } from '../execute.js';
import { expirationModel } from '../key-metadata.js';

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
    const entries = page.items.map((material) => entry(key, material));
    return { rotations: entries, nextMarker: page.nextMarker, truncated: page.nextMarker !== undefined };
  },
};

function entry(key: Key, material: Material): RotationsListEntry {
  const { materialId, rotationType, rotatedAt } = material;
  return {
    ...{ keyId: key.id, keyMaterialId: materialId, keyMaterialState: materialState(key, material) },
    rotationDateMs: rotatedAt ? BigInt(rotatedAt.getTime()) : undefined,
    rotationType: rotationType ?? undefined,
    ...(key.origin === 'EXTERNAL' ? importedEntry(material) : notImported),
  };
}

const notImported = {
  keyMaterialDescription: undefined,
  importState: undefined,
  expirationModel: undefined,
  validToMs: undefined,
};

function importedEntry(material: Material) {
  const there = material.token !== null;
  return {
    keyMaterialDescription: material.description ?? undefined,
    importState: there ? 'IMPORTED' : 'PENDING_IMPORT',
    expirationModel: there ? expirationModel(material) : undefined,
    validToMs: there && material.validTo ? BigInt(material.validTo.getTime()) : undefined,
  };
}
