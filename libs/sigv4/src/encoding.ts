const unreserved = /^[A-Za-z0-9\-._~]*$/;
const unreservedPath = /^[A-Za-z0-9\-._~/]*$/;
const slash = 0x2f;
const plus = 0x2b;
const percent = 0x25;

/** `%00` … `%FF`; unreserved characters (RFC 3986 §2.3) stand for themselves. */
const encodedByte = Array.from({ length: 256 }, (_, byte) => {
  const char = String.fromCharCode(byte);
  return unreserved.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
});

/** What a character becomes: a byte of the request line (node:http decodes it as Latin-1), anything else as UTF-8. */
function encodeChar(text: string, at: number): string {
  const code = text.charCodeAt(at);
  return code < 256 ? (encodedByte[code] as string) : encodeUtf8(text.charAt(at));
}

function encodeUtf8(char: string): string {
  return Array.from(Buffer.from(char), (byte) => encodedByte[byte]).join('');
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const upper = code & ~0x20;
  return upper >= 0x41 && upper <= 0x46 ? upper - 0x37 : -1;
}

/** The byte of the escape at `at`, or -1 when what follows is no escape. */
function escapedByte(text: string, at: number): number {
  const high = hexDigit(text.charCodeAt(at + 1));
  const low = hexDigit(text.charCodeAt(at + 2));
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/** AWS's UriEncode over text that may already be encoded: each byte ends up encoded exactly once. */
function encodeOnce(text: string, keepSlash: boolean, plusIsSpace: boolean): string {
  let out = '';
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const byte = code === percent ? escapedByte(text, at) : -1;
    if (byte >= 0) {
      out += encodedByte[byte] as string;
      at += 2;
    } else if (code === slash && keepSlash) out += '/';
    else if (code === plus && plusIsSpace) out += '%20';
    else out += encodeChar(text, at);
  }
  return out;
}

function encodeAgain(path: string): string {
  let out = '';
  for (let at = 0; at < path.length; at++) out += path.charCodeAt(at) === slash ? '/' : encodeChar(path, at);
  return out;
}

/** Removes `.`, `..` and empty segments (RFC 3986 §5.2.4, as every service but S3 does). */
function normalizePath(path: string): string {
  const kept: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(segment);
  }
  return `/${kept.join('/')}${kept.length > 0 && path.endsWith('/') ? '/' : ''}`;
}

/** Canonical URI of S3: the path as sent, every byte encoded once, nothing normalized. */
export function s3Path(path: string): string {
  return unreservedPath.test(path) ? path : encodeOnce(path, true, false);
}

/** Canonical URI of all other services: normalized, and what arrived encoded is encoded once more. */
export function ordinaryPath(path: string): string {
  if (path === '/' || path === '') return '/';
  const normalized = normalizePath(path);
  return unreservedPath.test(normalized) ? normalized : encodeAgain(normalized);
}

/** Canonical form of a query parameter's name or value. A bare `+` is a space, as form encoding has it. */
export function queryPart(text: string): string {
  return unreserved.test(text) ? text : encodeOnce(text, false, true);
}

/** Text of a canonical part; bytes that are no UTF-8 become U+FFFD. Never throws. */
export function decodePart(part: string): string {
  if (!part.includes('%')) return part;
  const bytes = Buffer.allocUnsafe(part.length);
  let length = 0;
  for (let at = 0; at < part.length; at++) {
    const byte = part.charCodeAt(at) === percent ? escapedByte(part, at) : -1;
    bytes[length++] = byte >= 0 ? byte : part.charCodeAt(at);
    if (byte >= 0) at += 2;
  }
  return bytes.toString('utf8', 0, length);
}
