import { KeysteadError } from '@keystead/errors';
import type * as wire from '@keystead/proto/iam-query';
import { oidcProviderArn } from '../../domain/arn.js';
import type { OidcProvider } from '../../domain/entities.js';
import { found, noOidcProvider } from '../../domain/not-found.js';
import { clientId, clientIds, issuer, providerName, thumbprints } from '../../domain/oidc-provider.js';
import { pageOf, readPage } from '../../domain/paging.js';
import { checkQuota } from '../../domain/quotas.js';
import { checkTagKeys, checkTags, withoutTags, withTags } from '../../domain/tags.js';
import type { Caller } from '../caller.js';
import { reads, writes, type Change, type Work } from '../operation.js';
import { listTarget, providerTarget, requestTagValues } from '../targets.js';

const maximumProviders = 100;

const named = (request: { openIdConnectProviderArn?: string | undefined }, { account }: Caller) => ({
  name: providerName(request.openIdConnectProviderArn, account),
});

async function theProvider({ store, caller }: Work, name: string): Promise<OidcProvider> {
  const arn = oidcProviderArn(caller.account, name);
  return found(await store.oidcProviders.byName(name), () => noOidcProvider(arn));
}

async function change(
  work: Change,
  name: string,
  next: (provider: OidcProvider) => Partial<OidcProvider>,
): Promise<Record<string, never>> {
  const provider = await theProvider(work, name);
  await work.store.oidcProviders.put({ ...provider, ...next(provider) });
  return {};
}

export const createOpenIdConnectProvider = writes('iam:CreateOpenIDConnectProvider', {
  check: (request: wire.CreateOpenIdConnectProviderRequest) => ({
    ...issuer(request.url),
    clientIds: clientIds(request.clientIdList),
    thumbprints: thumbprints(request.thumbprintList),
    tags: checkTags(request.tags),
  }),
  target: ({ name, tags }, work) => providerTarget(work, name, requestTagValues(tags)),
  run: async (made, { caller, store, now }: Change) => {
    if (await store.oidcProviders.byName(made.name)) {
      throw new KeysteadError('EntityAlreadyExists', `Provider with url ${made.url} already exists.`);
    }
    const present = (await store.oidcProviders.list()).length;
    checkQuota('OpenIdConnectProvidersPerAccount', present, maximumProviders);
    await store.oidcProviders.put({ ...made, account: caller.account, createdAt: now });
    return { openIdConnectProviderArn: oidcProviderArn(caller.account, made.name), tags: [...made.tags] };
  },
});

export const getOpenIdConnectProvider = reads('iam:GetOpenIDConnectProvider', {
  check: (request: wire.GetOpenIdConnectProviderRequest, caller) => named(request, caller),
  target: ({ name }, work) => providerTarget(work, name),
  run: async ({ name }, work) => {
    const provider = await theProvider(work, name);
    const { createdAt: createDate } = provider;
    const lists = { clientIdList: [...provider.clientIds], thumbprintList: [...provider.thumbprints] };
    // IAM shows the issuer without its scheme.
    return { url: provider.name, ...lists, createDate, tags: [...provider.tags] };
  },
});

export const listOpenIdConnectProviders = reads('iam:ListOpenIDConnectProviders', {
  check: (request: wire.ListOpenIdConnectProvidersRequest) => request,
  target: (_, { caller }) => listTarget(caller.account, 'oidc-provider', '/*'),
  run: async (_, { caller, store }) => {
    const all = await store.oidcProviders.list();
    return { openIdConnectProviderList: all.map(({ name }) => ({ arn: oidcProviderArn(caller.account, name) })) };
  },
});

/** What is not there is deleted already: no error, as at AWS. */
export const deleteOpenIdConnectProvider = writes('iam:DeleteOpenIDConnectProvider', {
  check: (request: wire.DeleteOpenIdConnectProviderRequest, caller) => named(request, caller),
  target: ({ name }, work) => providerTarget(work, name),
  run: async ({ name }, { store }: Change) => {
    await store.oidcProviders.remove(name);
    return {};
  },
});

export const addClientIdToOpenIdConnectProvider = writes('iam:AddClientIDToOpenIDConnectProvider', {
  check: (request: wire.AddClientIdToOpenIdConnectProviderRequest, caller) => ({
    ...named(request, caller),
    added: clientId(request.clientId),
  }),
  target: ({ name }, work) => providerTarget(work, name),
  run: ({ name, added }, work: Change) =>
    change(work, name, (provider) => ({ clientIds: clientIds([...provider.clientIds, added]) })),
});

export const removeClientIdFromOpenIdConnectProvider = writes('iam:RemoveClientIDFromOpenIDConnectProvider', {
  check: (request: wire.RemoveClientIdFromOpenIdConnectProviderRequest, caller) => ({
    ...named(request, caller),
    removed: clientId(request.clientId),
  }),
  target: ({ name }, work) => providerTarget(work, name),
  run: ({ name, removed }, work: Change) =>
    change(work, name, (provider) => ({ clientIds: provider.clientIds.filter((id) => id !== removed) })),
});

export const updateOpenIdConnectProviderThumbprint = writes('iam:UpdateOpenIDConnectProviderThumbprint', {
  check: (request: wire.UpdateOpenIdConnectProviderThumbprintRequest, caller) => ({
    ...named(request, caller),
    thumbprints: thumbprints(request.thumbprintList),
  }),
  target: ({ name }, work) => providerTarget(work, name),
  run: ({ name, thumbprints }, work: Change) => change(work, name, () => ({ thumbprints })),
});

export const tagOpenIdConnectProvider = writes('iam:TagOpenIDConnectProvider', {
  check: (request: wire.TagOpenIdConnectProviderRequest, caller) => ({
    ...named(request, caller),
    tags: checkTags(request.tags),
  }),
  target: ({ name, tags }, work) => providerTarget(work, name, requestTagValues(tags)),
  run: ({ name, tags }, work: Change) => change(work, name, (provider) => ({ tags: withTags(provider.tags, tags) })),
});

export const untagOpenIdConnectProvider = writes('iam:UntagOpenIDConnectProvider', {
  check: (request: wire.UntagOpenIdConnectProviderRequest, caller) => ({
    ...named(request, caller),
    keys: checkTagKeys(request.tagKeys),
  }),
  target: ({ name, keys }, work) => providerTarget(work, name, { 'aws:TagKeys': keys }),
  run: ({ name, keys }, work: Change) => change(work, name, (provider) => ({ tags: withoutTags(provider.tags, keys) })),
});

export const listOpenIdConnectProviderTags = reads('iam:ListOpenIDConnectProviderTags', {
  check: (request: wire.ListOpenIdConnectProviderTagsRequest, caller) => ({
    ...named(request, caller),
    page: readPage(request),
  }),
  target: ({ name }, work) => providerTarget(work, name),
  run: async ({ name, page }, work) => {
    const { items, ...rest } = pageOf((await theProvider(work, name)).tags, page, ({ key }) => key);
    return { tags: items, ...rest };
  },
});
