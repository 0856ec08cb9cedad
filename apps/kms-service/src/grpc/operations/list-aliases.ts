import type { AliasListEntry, ListAliasesRequest, ListAliasesResponse } from '@keystead/proto/kms';
import { keyNotFound, parseKeyIdentifier } from '../../domain/identifier.js';
import { aliasArn, s3ManagedAlias, type Alias } from '../../domain/key.js';
import { pageOf, readMarker } from '../../domain/paging.js';
import type { Operation } from '../execute.js';
import type { KmsCall } from '../kms-call.js';

/** An alias, or one that AWS keeps for itself and that has no key yet. */
type Listed = Pick<Alias, 'name'> & Partial<Alias>;

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
    const isMissing = keyId === undefined && (await environment.directory.alias(account, s3ManagedAlias)) === undefined;
    const all = isMissing ? withPredefined(rows, after) : rows;
    const { items, nextMarker } = pageOf(list, all, limit, ({ name }) => name);
    const aliases = items.map((alias) => shown(alias, environment.region, account));
    return { aliases, nextMarker, truncated: nextMarker !== undefined };
  },
};

/** AWS lists its own aliases before they have a key. */
function withPredefined(rows: readonly Listed[], after: string): readonly Listed[] {
  if (after >= s3ManagedAlias) return rows;
  const before = rows.filter(({ name }) => name < s3ManagedAlias);
  return [...before, { name: s3ManagedAlias }, ...rows.slice(before.length)];
}

function shown({ name, keyId, createdAt, updatedAt }: Listed, region: string, account: string): AliasListEntry {
  return {
    aliasName: name,
    aliasArn: aliasArn(region, account, name),
    targetKeyId: keyId,
    creationDateMs: createdAt && BigInt(createdAt.getTime()),
    lastUpdatedDateMs: updatedAt && BigInt(updatedAt.getTime()),
  };
}

/** Errors: InvalidArn, NotFound, also for keys of other accounts. */
async function ownKey(text: string, { account, environment }: KmsCall): Promise<string> {
  const place = { region: environment.region, account };
  const found = parseKeyIdentifier(text, place);
  const key = found.account === account ? await environment.directory.key(account, found.id) : undefined;
  if (!key) throw keyNotFound(environment.region, found.account, found.id);
  return found.id;
}
