import { PolicyError } from './error.js';

/** Where a policy stands, which decides the elements it must and must not have. */
export type PolicyKind = 'identity' | 'resource' | 'trust' | 'boundary' | 'session';

/** A statement as it was written, its elements checked for place and shape only. */
export interface RawStatement {
  readonly sid: string | undefined;
  readonly effect: 'Allow' | 'Deny';
  readonly principal: unknown;
  readonly notPrincipal: unknown;
  readonly actions: readonly string[] | undefined;
  readonly notActions: readonly string[] | undefined;
  readonly resources: readonly string[] | undefined;
  readonly notResources: readonly string[] | undefined;
  readonly condition: unknown;
}

/** A document as it was written. */
export interface RawDocument {
  /** 2008-10-17 takes policy variables literally. */
  readonly version: '2012-10-17' | '2008-10-17';
  readonly statements: readonly RawStatement[];
}

/** The largest document that is parsed at all, in characters; quotas of services are lower. */
export const maximumCharacters = 131_072;

/** A value of a condition lies in the document, the list of statements, a statement, Condition, an operator, and a list. */
const maximumDepth = 6;

const topLevel = new Set(['Version', 'Id', 'Statement']);
const elements = new Set([
  'Sid',
  'Effect',
  'Principal',
  'NotPrincipal',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'Condition',
]);

const syntax = (): PolicyError => new PolicyError('Syntax errors in policy.');

/** Parses a policy document and checks its grammar. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html */
export function parseDocument(json: string, kind: PolicyKind): RawDocument {
  if (json.length > maximumCharacters)
    throw new PolicyError(`Policy document must not exceed ${maximumCharacters} characters.`);
  const document = parseJson(json);
  for (const name of Object.keys(document)) if (!topLevel.has(name)) throw syntax();
  const version = document['Version'] ?? '2008-10-17';
  if (version !== '2012-10-17' && version !== '2008-10-17')
    throw new PolicyError('The policy must contain a valid version string.');
  if (document['Id'] !== undefined && typeof document['Id'] !== 'string') throw syntax();
  const written: unknown = document['Statement'];
  const list: unknown[] = Array.isArray(written) ? written : [written];
  if (written === undefined || list.length === 0) throw syntax();
  const statements = list.map((statement) => readStatement(statement, kind));
  checkSids(statements, kind);
  return { version, statements };
}

function parseJson(json: string): Record<string, unknown> {
  const names = namesWritten(json);
  let document: unknown;
  try {
    document = JSON.parse(json);
  } catch {
    throw new PolicyError('This policy contains invalid Json');
  }
  // JSON.parse keeps the last of two equal names: a Condition would be lost without a word, and its reader would see a
  // narrower policy than the one that is applied.
  const parsed = record(document);
  if (namesIn(parsed) < names) throw syntax();
  return parsed;
}

/**
 * How many names have values in a text that need not be JSON. Throws PolicyError where brackets are open more deeply than
 * a policy can have them.
 */
function namesWritten(json: string): number {
  let [depth, names] = [0, 0];
  let inText = false;
  for (let i = 0; i < json.length; i++) {
    const character = json.charCodeAt(i);
    if (character === 0x5c && inText) i++;
    else if (character === 0x22) inText = !inText;
    else if (inText) continue;
    else if (character === 0x3a) names++;
    else if ((character | 0x20) === 0x7b && ++depth > maximumDepth) throw syntax();
    else if ((character | 0x20) === 0x7d) depth--;
  }
  return names;
}

/** How many names the objects of a value have, its own and those inside. */
function namesIn(value: object): number {
  if (Array.isArray(value)) return namesInList(value);
  const record = value as Readonly<Record<string, unknown>>;
  const own = Object.keys(record);
  let count = own.length;
  for (const name of own) {
    const inside = record[name];
    if (typeof inside === 'object' && inside !== null) count += namesIn(inside);
  }
  return count;
}

function namesInList(list: readonly unknown[]): number {
  let count = 0;
  for (const inside of list) if (typeof inside === 'object' && inside !== null) count += namesIn(inside);
  return count;
}

function record(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw syntax();
  return value as Record<string, unknown>;
}

function readStatement(written: unknown, kind: PolicyKind): RawStatement {
  const statement = record(written);
  for (const name of Object.keys(statement)) if (!elements.has(name)) throw syntax();
  const { Sid: sid, Effect: effect } = statement;
  if (sid !== undefined && typeof sid !== 'string') throw syntax();
  if (effect !== 'Allow' && effect !== 'Deny') throw syntax();
  const raw: RawStatement = {
    sid,
    effect,
    principal: statement['Principal'],
    notPrincipal: statement['NotPrincipal'],
    actions: strings(statement['Action']),
    notActions: strings(statement['NotAction']),
    resources: strings(statement['Resource']),
    notResources: strings(statement['NotResource']),
    condition: statement['Condition'],
  };
  checkElements(raw, kind);
  return raw;
}

function strings(value: unknown): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (areStrings(list)) return list;
  throw syntax();
}

/** Whether all values of a list are text. */
export function areStrings(list: readonly unknown[]): list is readonly string[] {
  for (const item of list) if (typeof item !== 'string') return false;
  return true;
}

const missingPrincipal = {
  resource: 'Policy document must contain a principal in each statement.',
  trust: 'Missing required field Principal',
};

function checkElements(raw: RawStatement, kind: PolicyKind): void {
  if (raw.actions !== undefined && raw.notActions !== undefined) throw syntax();
  if (raw.resources !== undefined && raw.notResources !== undefined) throw syntax();
  if (raw.principal !== undefined && raw.notPrincipal !== undefined) throw syntax();
  const hasPrincipal = raw.principal !== undefined || raw.notPrincipal !== undefined;
  if (kind === 'resource' || kind === 'trust') {
    if (!hasPrincipal) throw new PolicyError(missingPrincipal[kind]);
    if (raw.notPrincipal !== undefined && raw.effect === 'Allow')
      throw new PolicyError('NotPrincipal is only allowed with Effect Deny.');
    if (kind === 'trust' && (raw.resources ?? raw.notResources) !== undefined)
      throw new PolicyError('Has prohibited field Resource');
    return;
  }
  if (hasPrincipal) throw new PolicyError('Policy document should not specify a principal.');
  if ((raw.actions ?? raw.notActions ?? []).length === 0)
    throw new PolicyError('Policy statement must contain actions.');
  if ((raw.resources ?? raw.notResources ?? []).length === 0)
    throw new PolicyError('Policy statement must contain resources.');
}

function checkSids(statements: readonly RawStatement[], kind: PolicyKind): void {
  const seen = new Set<string>();
  for (const { sid } of statements) {
    if (sid === undefined || sid === '') continue;
    if (kind !== 'resource' && !/^[A-Za-z0-9]*$/.test(sid))
      throw new PolicyError(
        'Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*',
      );
    if (seen.has(sid)) throw new PolicyError('Statement IDs (SID) in a single policy must be unique.');
    seen.add(sid);
  }
}
