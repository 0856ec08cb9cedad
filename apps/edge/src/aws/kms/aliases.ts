import type { AliasListEntry } from '@keystead/proto/kms';
import { integer, text } from '../json/read.js';
import { each, object, plain, seconds } from '../json/write.js';
import { kms } from './operation.js';

const entry = object<AliasListEntry>({
  aliasName: plain,
  aliasArn: plain,
  targetKeyId: plain,
  creationDateMs: seconds,
  lastUpdatedDateMs: seconds,
});

export const createAlias = kms('createAlias', { aliasName: text, targetKeyId: text });

export const updateAlias = kms('updateAlias', { aliasName: text, targetKeyId: text });

export const deleteAlias = kms('deleteAlias', { aliasName: text });

export const listAliases = kms(
  'listAliases',
  { keyId: text, limit: integer, marker: text },
  { aliases: each(entry), nextMarker: plain, truncated: plain },
);
