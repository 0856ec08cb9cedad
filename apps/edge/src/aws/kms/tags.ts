import type { Tag } from '@keystead/proto/kms';
import { integer, list, text, texts } from '../json/read.js';
import { each, object, plain } from '../json/write.js';
import { tag } from './keys.js';
import { kms } from './operation.js';

export const tagResource = kms('tagResource', { keyId: text, tags: list(tag) });

export const untagResource = kms('untagResource', { keyId: text, tagKeys: texts });

export const listResourceTags = kms(
  'listResourceTags',
  { keyId: text, limit: integer, marker: text },
  { tags: each(object<Tag>({ tagKey: plain, tagValue: plain })), nextMarker: plain, truncated: plain },
);
