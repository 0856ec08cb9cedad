import type { DeleteAliasRequest, DeleteAliasResponse } from '@keystead/proto/kms';
import { requireOwnAliasName } from '../../domain/alias.js';
import { aliasNotFound } from '../../domain/identifier.js';
import { aliasArn } from '../../domain/key.js';
import { commitRecorded, type Operation } from '../execute.js';

/** Needs permission on the alias and on its key. https://docs.aws.amazon.com/kms/latest/APIReference/API_DeleteAlias.html */
export const deleteAlias: Operation<DeleteAliasRequest, DeleteAliasResponse> = {
  name: 'DeleteAlias',
  async run(request, call) {
    const { aliasName: name = '' } = request;
    requireOwnAliasName(name);
    const action = 'kms:DeleteAlias';
    const { key } = await call.useKey(await call.locate(name, action), { action });
    await call.authorizeAlias(action, name);
    await commitRecorded(deleteAlias, request, call, async (change) => {
      const alias = await change.lockAlias(call.account, name);
      if (alias?.keyId !== key.id) throw aliasNotFound(aliasArn(call.environment.region, call.account, name));
      await change.deleteAlias(alias);
      call.notes = { responseElements: { keyId: key.arn } };
    });
    return {};
  },
};
