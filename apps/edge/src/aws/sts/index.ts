import type { QueryApi } from '../query/api.js';
import { query } from '../query/operation.js';
import { text } from '../query/read.js';

const all = [query('getCallerIdentity', {}), query('getAccessKeyInfo', { accessKeyId: text })];

/** AWS STS, https://docs.aws.amazon.com/STS/latest/APIReference/ */
export const sts: QueryApi = {
  name: 'sts',
  version: '2011-06-15',
  namespace: 'https://sts.amazonaws.com/doc/2011-06-15/',
  eventSource: 'sts.amazonaws.com',
  operations: new Map(all.map((one) => [one.name, one])),
};
