import type { CreateAliasRequest, CreateAliasResponse } from '@keystead/proto/kms';
import { requireOwnAliasName, requireRoomForAlias } from '../../domain/alias.js';
import type { Operation } from '../execute.js';
import { changeKey } from './change-key.js';

/** Needs permission on the alias and on the key. https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html */
export const createAlias: Operation<CreateAliasRequest, CreateAliasResponse> = {
  name: 'CreateAlias',
  async run(request, call) {
    const { aliasName: name = '', targetKeyId = '' } = request;
    requireOwnAliasName(name);
    const { key } = await call.manage(targetKeyId, { action: 'kms:CreateAlias' });
    await call.authorizeAlias('kms:CreateAlias', name);
    await changeKey(createAlias, request, call, key, async ({ key: stored, aliases }, change) => {
      requireRoomForAlias(stored, aliases.length);
      const alias = { account: call.account, name, keyId: stored.id, createdAt: call.at, updatedAt: call.at };
      await change.insertAlias(call.environment.region, alias);
      return stored;
    });
    return {};
  },
};
