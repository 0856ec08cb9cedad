import type { RawRequest } from '@keystead/sigv4';
import { decodeQuery, isPresigned } from '@keystead/sigv4';

/** Which protocol a request speaks. */
export type Route =
  | { readonly kind: 'json'; readonly target: string }
  | { readonly kind: 'query' }
  | { readonly kind: 's3' }
  | { readonly kind: 'own'; readonly path: string };

const s3: Route = { kind: 's3' };
const query: Route = { kind: 'query' };

/** Decides by what AWS's own clients send. What is nothing else is S3's, which has the whole rest of the URL space. */
export function route(head: RawRequest): Route {
  const { path } = head.target;
  const target = head.headers.get('x-amz-target');
  if (target !== undefined && path === '/') return { kind: 'json', target };
  // An underscore cannot begin a bucket's name.
  if (path.startsWith('/_keystead/')) return { kind: 'own', path };
  return path === '/' && isQuery(head) ? query : s3;
}

function isQuery(head: RawRequest): boolean {
  const service = signedFor(head);
  if (service !== undefined) return service !== 's3';
  if (head.method === 'POST')
    return head.headers.get('content-type')?.startsWith('application/x-www-form-urlencoded') ?? false;
  return head.target.query.some(([name]) => name === 'Action');
}

/** The service that a signature, if there is one, was made for. Only for routing: nothing is proven here. */
function signedFor(head: RawRequest): string | undefined {
  const authorization = head.headers.get('authorization');
  const credential = authorization ?? (isPresigned(head.target) ? presignedCredential(head) : undefined);
  return credential === undefined ? undefined : /\/\d{8}\/[^/]{1,64}\/([^/]{1,64})\/aws4_request/.exec(credential)?.[1];
}

function presignedCredential({ target }: RawRequest): string | undefined {
  return decodeQuery(target).find(([name]) => name === 'X-Amz-Credential')?.[1];
}
