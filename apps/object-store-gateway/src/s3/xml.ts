import { XMLParser } from 'fast-xml-parser';
import { S3Error } from '../domain/s3-error.js';

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** A piece of XML that is escaped already; undefined children are left out. */
export type Xml = string;

/** An element with text, escaped; nothing for undefined. */
export function text(name: string, value: string | number | boolean | undefined): Xml {
  return value === undefined ? '' : `<${name}>${escape(String(value))}</${name}>`;
}

/** An element with children. */
export function element(name: string, ...children: readonly Xml[]): Xml {
  return `<${name}>${children.join('')}</${name}>`;
}

/** A whole document in S3's namespace. */
export function document(name: string, ...children: readonly Xml[]): Xml {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${name} xmlns="${NAMESPACE}">${children.join('')}</${name}>`;
}

/** An error document; S3 gives it no namespace. */
export function errorDocument(...children: readonly Xml[]): Xml {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error>${children.join('')}</Error>`;
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Control characters are written as references, as S3 does; XML 1.0 parsers may still refuse some (encoding-type=url). */
function escape(value: string): string {
  // eslint-disable-next-line no-control-regex -- these are the characters to escape
  return value.replace(/[&<>"\u0000-\u001f]/g, (c) => ESCAPES[c] ?? `&#x${c.charCodeAt(0).toString(16)};`);
}

/** A parsed element: its children by name in their order, or its text. */
export interface Node {
  readonly [name: string]: readonly (Node | string)[];
}

const parser = new XMLParser({
  ignoreAttributes: true,
  removeNSPrefix: true,
  parseTagValue: false,
  trimValues: false,
  // Entities are resolved here, below: only XML's own five and character references, never defined ones.
  processEntities: false,
  isArray: () => true,
});

/** Bytes from the beginning of a tag to the next: a key of 1,024 bytes needs six times as many with each escaped. */
const LONGEST_RUN = 16 * 1024;
const LESS_THAN = 0x3c;

/**
 * Parsing holds all other requests up, in proportion to tags above all: four megabytes of them for seconds. What no
 * document of S3 looks like is not parsed.
 */
function checkSize(bytes: Buffer, most: number): void {
  let tags = 0;
  for (let at = bytes.indexOf(LESS_THAN), next; at >= 0; at = next) {
    next = bytes.indexOf(LESS_THAN, at + 1);
    const end = next < 0 ? bytes.length : next;
    if (++tags > most || end - at > LONGEST_RUN) throw new S3Error('MalformedXML');
  }
}

/**
 * Parses a request document whose outermost element is `root`, with at most so many tags.
 *
 * @throws {S3Error} MalformedXML, also for any document type declaration
 */
export function parse(bytes: Buffer, root: string, mostTags = 200): Node {
  checkSize(bytes, mostTags);
  const source = bytes.toString('utf8').replace(/^\ufeff/, '');
  if (/<!(DOCTYPE|ENTITY)/i.test(source)) throw new S3Error('MalformedXML');
  let parsed: Node;
  try {
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- the same check as the package that is to replace it
    parsed = parser.parse(source, true) as Node;
  } catch {
    throw new S3Error('MalformedXML');
  }
  const node = parsed[root]?.[0];
  if (node === undefined || (typeof node === 'string' && node.trim() !== '')) throw new S3Error('MalformedXML');
  return typeof node === 'string' ? {} : node;
}

/** The elements of a name; one with text only is no element with children. */
export function children(node: Node, name: string): Node[] {
  return (node[name] ?? []).map((child) => {
    if (typeof child !== 'string') return child;
    if (child.trim() === '') return {};
    throw new S3Error('MalformedXML');
  });
}

/** The first element of a name. */
export function child(node: Node, name: string): Node | undefined {
  return children(node, name)[0];
}

/** The text of the first element of a name. */
export function textOf(node: Node, name: string): string | undefined {
  const value = node[name]?.[0];
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw new S3Error('MalformedXML');
  return unescape(value);
}

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function unescape(value: string): string {
  return value.replace(/&([^;]*);?/g, (whole, name: string) => {
    const code = /^#(?:x([0-9a-f]{1,6})|(\d{1,7}))$/i.exec(name);
    const point = code ? parseInt(code[1] ?? code[2] ?? '', code[1] ? 16 : 10) : NaN;
    // Half of a pair would be authorized as one key and acted upon as another: UTF-8 does not have it.
    const isCharacter = point > 0 && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
    const found = isCharacter ? String.fromCodePoint(point) : NAMED[name];
    if (found === undefined || !whole.endsWith(';')) throw new S3Error('MalformedXML');
    return found;
  });
}
