import { KeysteadError } from '@keystead/errors';
import { keyArn } from './key.js';

/** What a KeyId names. */
export type Identifier =
  | { readonly kind: 'key'; readonly account: string; readonly id: string }
  | { readonly kind: 'alias'; readonly account: string; readonly name: string };

const keyIdPattern = /^(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|mrk-[0-9a-f]{32})$/;
const aliasPattern = /^alias\/[a-zA-Z0-9:/_-]+$/;
const arnPattern = /^arn:aws:kms:([a-z0-9-]+):(\d{12}):(.+)$/s;

/** Where an identifier is read: bare names mean the caller's account, ARNs must be of this Region. */
export interface Place {
  readonly region: string;
  readonly account: string;
}

/** Reads a key id, key ARN, alias name or alias ARN. Errors: InvalidArn, NotFound. */
export function parseIdentifier(text: string, here: Place): Identifier {
  if (!text.startsWith('arn:')) return named(text, here.account, text);
  const [, region, account = '', resource = ''] = arnPattern.exec(text) ?? invalidArn(text);
  if (region !== here.region) throw new KeysteadError('NotFound', `Invalid arn ${region ?? ''}`);
  return named(resource.startsWith('key/') ? resource.slice(4) : aliasOnly(resource, text), account, text);
}

/** Reads a key id or key ARN; operations that manage a key take no alias. Errors: InvalidArn, NotFound. */
export function parseKeyIdentifier(text: string, here: Place): Extract<Identifier, { kind: 'key' }> {
  const identifier = parseIdentifier(text, here);
  if (identifier.kind === 'alias') throw invalidKeyId(text);
  return identifier;
}

/** AWS's answer for a key id that names nothing. */
export function keyNotFound(region: string, account: string, id: string): KeysteadError {
  return new KeysteadError('NotFound', `Key '${keyArn(region, account, id)}' does not exist`);
}

/** AWS's answer for an alias that names nothing. */
export function aliasNotFound(arn: string): KeysteadError {
  return new KeysteadError('NotFound', `Alias ${arn} is not found.`);
}

function named(name: string, account: string, text: string): Identifier {
  if (keyIdPattern.test(name)) return { kind: 'key', account, id: name };
  if (aliasPattern.test(name)) return { kind: 'alias', account, name };
  throw invalidKeyId(text);
}

function aliasOnly(resource: string, text: string): string {
  return resource.startsWith('alias/') ? resource : invalidArn(text);
}

function invalidKeyId(text: string): KeysteadError {
  return new KeysteadError('NotFound', `Invalid keyId '${text}'`);
}

function invalidArn(text: string): never {
  throw new KeysteadError('InvalidArn', `Invalid arn ${text}`);
}
