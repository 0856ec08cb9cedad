import { readFile } from 'node:fs/promises';
import { KeysteadError } from '@keystead/errors';
import type { JSONWebKeySet } from 'jose';
import { isReachable } from '../domain/oidc-provider.js';

/** The public keys of token issuers. */
export interface TokenKeys {
  /** Those in memory, or fetched; `newer` asks the issuer again, unless that was done just now. Throws IdpCommunication, InvalidIdentityToken, Throttling. */
  of(issuer: string, options?: { newer: boolean }): Promise<JSONWebKeySet>;
}

const timeoutMs = 5_000;
const maximumBytes = 128 * 1024;
const maximumIssuers = 256;
/** Issuers take keys out of use; after this long they are asked again. */
const keptMs = 10 * 60_000;
/** A token with an unknown key makes the issuer be asked again no more often than this. */
const againMs = 10_000;

/** Tokens that wait for answers of issuers; strangers with tokens of a slow one do not take the place of all others. */
const maximumWaiting = 64;

interface Fetched {
  readonly at: number;
  readonly keys: Promise<JSONWebKeySet>;
  /** Once they are there. */
  fetched?: JSONWebKeySet;
}

/** `files`: JWKS given by the operator, by issuer; such an issuer is never asked. */
export function tokenKeys(files: ReadonlyMap<string, string>): TokenKeys {
  const known = new Map<string, Fetched>();
  let waiting = 0;
  const arrived = async ({ keys, fetched }: Fetched): Promise<JSONWebKeySet> => {
    if (fetched) return fetched;
    waiting += 1;
    return keys.finally(() => (waiting -= 1));
  };
  const mustHaveRoom = (): void => {
    if (waiting >= maximumWaiting) throw new KeysteadError('Throttling', 'Rate exceeded');
  };
  return {
    of: async (issuer, { newer } = { newer: false }) => {
      const file = files.get(issuer);
      if (file !== undefined) return readKeys(await readFile(file, 'utf8'));
      const before = known.get(issuer);
      const now = performance.now();
      if (before && now - before.at < (newer ? againMs : keptMs)) {
        if (!before.fetched) mustHaveRoom();
        return arrived(before);
      }
      mustHaveRoom();
      if (known.size >= maximumIssuers) known.clear();
      const keys = fetchKeys(issuer);
      const asked: Fetched = { at: now, keys };
      known.set(issuer, asked);
      keys.then(
        (fetched) => (asked.fetched = fetched),
        () => {
          // A failure is not kept: the issuer may be there the next moment. Keys that are still good stay, or a
          // stranger's token with an unknown key would void them while the issuer is away.
          if (known.get(issuer) !== asked) return;
          if (before && now - before.at < keptMs) known.set(issuer, before);
          else known.delete(issuer);
        },
      );
      return arrived(asked);
    },
  };
}

/** OpenID Connect Discovery 1.0 §4: the issuer tells where its keys are. */
async function fetchKeys(issuer: string): Promise<JSONWebKeySet> {
  const { issuer: said, jwks_uri: at } = (await fetchJson(`${issuer}/.well-known/openid-configuration`)) as {
    issuer?: unknown;
    jwks_uri?: unknown;
  };
  if (typeof said !== 'string' || said.replace(/\/$/, '') !== issuer || typeof at !== 'string') throw unusable();
  // An issuer elsewhere does not send this service to what listens on its own machine.
  if (issuer.startsWith('https:') && !at.startsWith('https:')) throw unusable();
  return readKeys(JSON.stringify(await fetchJson(at)));
}

/** Follows no redirect: the answer must come from where the issuer said. */
async function fetchJson(address: string): Promise<object> {
  if (!URL.canParse(address) || !isReachable(new URL(address))) throw unusable();
  try {
    const response = await fetch(address, {
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
      headers: { accept: 'application/json' },
    });
    if (!response.ok || !response.body) throw unusable();
    const parsed: unknown = JSON.parse(await limited(response.body));
    if (typeof parsed !== 'object' || parsed === null) throw unusable();
    return parsed;
  } catch (cause) {
    throw cause instanceof KeysteadError ? cause : new KeysteadError('IdpCommunication', message, { cause });
  }
}

async function limited(body: ReadableStream<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of body) {
    size += part.length;
    if (size > maximumBytes) throw unusable();
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function readKeys(text: string): JSONWebKeySet {
  const parsed = JSON.parse(text) as { keys?: unknown };
  if (Array.isArray(parsed.keys) && parsed.keys.every((key) => typeof key === 'object' && key !== null)) {
    return parsed as JSONWebKeySet;
  }
  throw unusable();
}

const message =
  "Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity documentation for requirements";

function unusable(): KeysteadError {
  return new KeysteadError('InvalidIdentityToken', message);
}
