import type { Json } from '@keystead/audit';

/** Members of requests that are never logged, whatever the log's own redaction says. */
const never = new Set([
  'plaintext',
  'ciphertextBlob',
  'message',
  'signature',
  'mac',
  'grantTokens',
  'grantToken',
  'recipient',
]);

/** CloudTrail's requestParameters: what was sent, without what is secret and without what was left out; null when nothing remains. */
export function requestParameters(request: object): Record<string, Json> | null {
  let parameters: Record<string, Json> | null = null;
  for (const [name, value] of Object.entries(request) as [string, Json | Uint8Array][]) {
    if (value === undefined || never.has(name) || value instanceof Uint8Array || isEmpty(value)) continue;
    (parameters ??= {})[name] = value;
  }
  return parameters;
}

function isEmpty(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  for (const _ in value) return false;
  return true;
}

/** Adds encryption contexts where they are not empty. */
export function withContext(
  parameters: Record<string, Json>,
  contexts: Readonly<Record<string, Record<string, string>>>,
): Record<string, Json> {
  for (const name in contexts) {
    const context = contexts[name];
    if (context && !isEmpty(context)) parameters[name] = context;
  }
  return parameters;
}
