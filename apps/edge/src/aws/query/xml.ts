import { memberName } from './read.js';

const special = /[&<>"'\p{Cc}\ufffe\uffff]/gu;

/** Text for XML 1.0; characters that it cannot hold become U+FFFD. */
export function escapeXml(text: string): string {
  return text.replace(special, entity);
}

function entity(char: string): string {
  if (char === '&') return '&amp;';
  if (char === '<') return '&lt;';
  if (char === '>') return '&gt;';
  if (char === '"') return '&quot;';
  if (char === "'") return '&#39;';
  const allowed = char === '\t' || char === '\n' || char === '\r' || (char >= '\u007f' && char <= '\u009f');
  return allowed ? `&#${char.charCodeAt(0)};` : '\ufffd';
}

/** Fields that hold a policy: IAM shows them percent-encoded (RFC 3986). */
const documents: ReadonlySet<string> = new Set(['document', 'policyDocument', 'assumeRolePolicyDocument']);

/** Lists that AWS writes inside of a result even when they are empty: to their readers no entry says something. */
const shownEmpty: ReadonlySet<string> = new Set([
  ...['matchedStatements', 'missingContextValues', 'groupList', 'attachedManagedPolicies', 'roles'],
]);

/** The elements of a result. Its own lists are written even when they are empty, lists inside of it are not. */
export function resultXml(message: object): string {
  return fieldsXml(message, true);
}

function fieldsXml(message: object, outermost: boolean): string {
  let xml = '';
  for (const [field, value] of Object.entries(message) as [string, unknown][]) {
    const isEmptyList = Array.isArray(value) && value.length === 0;
    if (value === undefined || (isEmptyList && !outermost && !shownEmpty.has(field))) continue;
    const name = memberName(field);
    xml += `<${name}>${isMap(field) ? mapXml(value as object) : valueXml(field, value)}</${name}>`;
  }
  return xml;
}

function isMap(field: string): boolean {
  return field.endsWith('Map') || field === 'evalDecisionDetails';
}

function valueXml(field: string, value: unknown): string {
  if (typeof value === 'string') return escapeXml(documents.has(field) ? percentEncode(value) : value);
  if (value instanceof Date) return value.toISOString().replace(/\.\d{3}Z$/, 'Z');
  if (Array.isArray(value)) return value.map((item) => `<member>${valueXml('', item)}</member>`).join('');
  return typeof value === 'object' && value !== null ? fieldsXml(value, false) : String(value);
}

function mapXml(map: object): string {
  return Object.entries(map)
    .map(([key, value]) => `<entry><key>${escapeXml(key)}</key><value>${escapeXml(String(value))}</value></entry>`)
    .join('');
}

function percentEncode(text: string): string {
  const encoded = encodeURIComponent(text);
  return encoded.replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
