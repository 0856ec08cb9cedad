import type { ListAliasesRequest, ListAliasesResponse } from '@keystead/proto/kms';
import { keyNotFound, parseKeyIdentifier } from '../../domain/identifier.js';
import { aliasArn } from '../../domain/key.js';
import { pageOf, readMarker } from '../../domain/paging.js';
import type { Operation } from '../execute.js';
import type { KmsCall } from '../kms-call.js';

const defaultLimit = 50;
/** AWS's largest page of aliases, less than its API model's. */
const maxLimit = 100;

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_ListAliases.html */
export const listAliases: Operation<ListAliasesRequest, ListAliasesResponse> = {
  name: 'ListAliases',
  async run(request, call) {
    const { account, environment } = call;
    await call.authorizeAccount('kms:ListAliases');
    const keyId = request.keyId === undefined ? undefined : await ownKey(request.keyId, call);
    const list = `aliases ${account} ${keyId ?? ''}`;
    const limit = Math.min(request.limit ?? defaultLimit, maxLimit);
    const after = readMarker(list, request.marker) ?? '';
    const rows = await environment.store.pageOfAliases({ account, keyId, after, limit: limit + 1 });
    const { items, nextMarker } = pageOf(list, rows, limit, ({ name }) => name);
    const aliases = items.map((alias) => ({
      aliasName: alias.name,
      aliasArn: aliasArn(environment.region, account, alias.name),
      targetKeyId: alias.keyId,
      creationDateMs: BigInt(alias.createdAt.getTime()),
      lastUpdatedDateMs: BigInt(alias.updatedAt.getTime()),
    }));
    return { aliases, nextMarker, truncated: nextMarker !== undefined };
  },
};

/** Errors: InvalidArn, NotFound, also for keys of other accounts. */
async function ownKey(text: string, { account, environment }: KmsCall): Promise<string> {
  const place = { region: environment.region, account };
  const found = parseKeyIdentifier(text, place);
  const key = found.account === account ? await environment.directory.key(account, found.id) : undefined;
  if (!key) throw keyNotFound(environment.region, found.account, found.id);
  return found.id;
}
