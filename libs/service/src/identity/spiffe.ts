import type { Signer } from '../server/signer.js';

/** Who is at the other end: as its certificate says, or as its signature proved. */
export type Peer = CertifiedPeer | Signer;

/** Who is at the other end of a connection, as its certificate says. */
export type CertifiedPeer =
  | { readonly kind: 'service'; readonly name: string }
  | { readonly kind: 'principal'; readonly uniqueId: string; readonly arn: string }
  | { readonly kind: 'operator'; readonly name: string };

const prefix = 'spiffe://';

/** The SPIFFE id of a peer. An ARN keeps its colons and slashes; what a URI may not hold is percent-encoded. */
export function spiffeId(trustDomain: string, peer: CertifiedPeer): string {
  if (peer.kind === 'service') return `${prefix}${trustDomain}/svc/${peer.name}`;
  if (peer.kind === 'operator') return `${prefix}${trustDomain}/operator/${peer.name}`;
  return `${prefix}${trustDomain}/principal/${peer.uniqueId}/${encodeURI(peer.arn)}`;
}

/** The peer that `uri` names in `trustDomain`, or undefined when it is anything else. */
export function parseSpiffeId(uri: string, trustDomain: string): CertifiedPeer | undefined {
  const domain = `${prefix}${trustDomain}/`;
  if (!uri.startsWith(domain)) return undefined;
  const [kind, first, ...rest] = uri.slice(domain.length).split('/');
  if (!first || !/^[\w.:-]+$/.test(first)) return undefined;
  if (kind === 'svc' && rest.length === 0) return { kind: 'service', name: first };
  if (kind === 'operator' && rest.length === 0) return { kind: 'operator', name: first };
  const arn = kind === 'principal' ? decoded(rest.join('/')) : undefined;
  return arn?.startsWith('arn:') ? { kind: 'principal', uniqueId: first, arn } : undefined;
}

/** The trust domain of a SPIFFE id, or undefined. */
export function trustDomainOf(uri: string): string | undefined {
  return /^spiffe:\/\/([a-z0-9._-]+)\//.exec(uri)?.[1];
}

/**
 * The one URI among subject alternative names as Node prints them ("URI:…, DNS:…", a value with commas as a JSON string);
 * undefined when there is none or more than one.
 */
export function onlyUri(subjectAltName: string | undefined): string | undefined {
  const names = subjectAltName?.match(/[A-Za-z ]+:(?:"(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g) ?? [];
  const uris = names.filter((name) => name.startsWith('URI:')).map((name) => name.slice(4).replace(/, $/, ''));
  const [uri] = uris;
  if (uris.length !== 1 || uri === undefined) return undefined;
  return uri.startsWith('"') ? (JSON.parse(uri) as string) : uri;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURI(text);
  } catch {
    return undefined;
  }
}
