import { query } from '../query/operation.js';
import { text, texts } from '../query/read.js';
import { page, tags } from './users.js';

const provider = { openIdConnectProviderArn: text };

export const oidcProviders = [
  query('createOpenIdConnectProvider', { url: text, clientIdList: texts, thumbprintList: texts, tags }),
  query('getOpenIdConnectProvider', provider),
  query('listOpenIdConnectProviders', {}),
  query('deleteOpenIdConnectProvider', provider),
  query('addClientIdToOpenIdConnectProvider', { ...provider, clientId: text }),
  query('removeClientIdFromOpenIdConnectProvider', { ...provider, clientId: text }),
  query('updateOpenIdConnectProviderThumbprint', { ...provider, thumbprintList: texts }),
  query('tagOpenIdConnectProvider', { ...provider, tags }),
  query('untagOpenIdConnectProvider', { ...provider, tagKeys: texts }),
  query('listOpenIdConnectProviderTags', { ...provider, ...page }),
];
