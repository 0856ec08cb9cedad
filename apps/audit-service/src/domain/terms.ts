import { hash } from 'node:crypto';

/** The categories as letters: management and data records have terms of their own, so LookupEvents never meets the latter. */
export type Category = 'M' | 'D';

/** Attributes by which records are found; 'all' holds every record of its account and category. */
export type Attribute =
  'all' | 'EventName' | 'ReadOnly' | 'Username' | 'ResourceType' | 'ResourceName' | 'EventSource' | 'AccessKeyId';

const known = new Map<string, bigint>();
const maxKnown = 20_000;

/**
 * The 64-bit number under which an attribute's value is indexed: the first eight bytes of SHA-256, so that nobody can
 * choose values that collide. A collision by chance only costs a read: every record found is checked again.
 */
export function term(account: string, category: Category, attribute: Attribute, value: string): bigint {
  const name = `${account} ${category} ${attribute} ${value}`;
  let number = known.get(name);
  if (number === undefined) {
    number = hash('sha256', name, 'buffer').readBigInt64BE();
    if (known.size >= maxKnown) known.clear();
    known.set(name, number);
  }
  return number;
}

/** What of a record is indexed. */
export interface Indexed {
  readonly account: string;
  readonly category: Category;
  readonly eventName: string;
  readonly eventSource: string;
  readonly readOnly: boolean;
  readonly username: string;
  readonly accessKeyId: string;
  readonly resources: readonly { readonly type: string; readonly name: string }[];
}

/** All terms of a record; a resource that is named twice gives its term twice. */
export function termsOf(record: Indexed): bigint[] {
  const { account, category } = record;
  const of = (attribute: Attribute, value: string): bigint => term(account, category, attribute, value);
  const terms = [of('all', ''), of('EventName', record.eventName), of('EventSource', record.eventSource)];
  terms.push(of('ReadOnly', record.readOnly ? 'true' : 'false'));
  if (record.username !== '') terms.push(of('Username', record.username));
  if (record.accessKeyId !== '') terms.push(of('AccessKeyId', record.accessKeyId));
  for (const { type, name } of record.resources) terms.push(of('ResourceType', type), of('ResourceName', name));
  return terms;
}
