import type { UpdateAliasRequest, UpdateAliasResponse } from '@keystead/proto/kms';
import { requireOwnAliasName, requireSameKind } from '../../domain/alias.js';
import { aliasNotFound, keyNotFound } from '../../domain/identifier.js';
import { aliasArn, type Key, type KeyView } from '../../domain/key.js';
import type { Change } from '../../store/key-store.js';
import { commitRecorded, type Operation } from '../execute.js';
import type { KmsCall } from '../kms-call.js';

/** Needs permission on the alias and on both keys. https://docs.aws.amazon.com/kms/latest/APIReference/API_UpdateAlias.html */
export const updateAlias: Operation<UpdateAliasRequest, UpdateAliasResponse> = {
  name: 'UpdateAlias',
  async run(request, call) {
    const { aliasName: name = '', targetKeyId = '' } = request;
    requireOwnAliasName(name);
    const action = 'kms:UpdateAlias';
    const { key: to } = await call.manage(targetKeyId, { action });
    const { key: from } = await call.useKey(await call.locate(name, action), { action });
    await call.authorizeAlias(action, name);
    await commitRecorded(updateAlias, request, call, async (change) => {
      await move(change, call, { name, from, to });
      call.notes = { responseElements: { keyId: to.arn } };
    });
    return {};
  },
};

async function move(
  change: Change,
  call: KmsCall,
  { name, from, to }: { name: string; from: Key; to: Key },
): Promise<void> {
  // Always in the same order, so that two moves in opposite directions do not wait for each other.
  const views = new Map<string, KeyView>();
  for (const { account, id } of [from, to].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    const view = views.get(id) ?? (await change.lock(account, id));
    if (!view) throw keyNotFound(call.environment.region, account, id);
    views.set(id, view);
  }
  const alias = await change.lockAlias(call.account, name);
  if (alias?.keyId !== from.id) throw aliasNotFound(aliasArn(call.environment.region, call.account, name));
  const target = views.get(to.id) as KeyView;
  requireSameKind((views.get(from.id) as KeyView).key, target.key, target.aliases.length);
  await change.moveAlias(alias, { ...alias, keyId: to.id, updatedAt: call.at });
}
