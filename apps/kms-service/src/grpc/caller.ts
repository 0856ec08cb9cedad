import { KeysteadError } from '@keystead/errors';
import { PrincipalType, type CallContext, type Principal } from '@keystead/proto/common';
import { requestId, type Peer, type Signer } from '@keystead/service';
import { serviceAlias } from '../domain/service-principal.js';

/** What is known of a call besides its request. */
export interface Incoming {
  readonly peer: Peer;
  readonly context: CallContext | undefined;
  readonly sourceIp: string;
  readonly userAgent: string;
}

/** Which service principal a service may be. */
const own: Readonly<Record<string, string>> = {
  'iam-service': 'iam.keystead.internal',
  'audit-service': 'audit.keystead.internal',
  'object-store-gateway': 's3.keystead.internal',
};

/**
 * Who calls (design §3 "Who is calling"): a context is believed only from a service that may assert it; a direct client
 * is whom its certificate names. Errors: AccessDenied.
 */
export function callerOf(call: Incoming): CallContext {
  if (call.peer.kind === 'principal') return ofCertificate(call.peer, call);
  if (call.peer.kind === 'service' && call.context?.principal && mayAssert(call.peer.name, call.context))
    return call.context;
  throw new KeysteadError('AccessDenied', 'This certificate may not act for the principal of the call.');
}

/** The caller whose signature opened the stream or call, looked at again. Errors: AccessDenied, ExpiredToken, UnrecognizedClient. */
export async function signedBy(signer: Signer, call: Incoming): Promise<CallContext> {
  if (call.context) throw new KeysteadError('AccessDenied', 'A signature acts for its own principal only.');
  return { ...direct(call, signer.host), ...(await signer.caller()) };
}

function mayAssert(service: string, { principal, viaService }: CallContext): boolean {
  if (principal?.type === PrincipalType.PRINCIPAL_TYPE_UNSPECIFIED) return false;
  if (principal?.type === PrincipalType.PRINCIPAL_TYPE_SERVICE) {
    return serviceAlias(principal.arn) !== undefined && own[service] === principal.arn;
  }
  if (!/^\d{12}$/.test(principal?.account ?? '')) return false;
  if (service === 'edge') return viaService === '';
  return service === 'object-store-gateway' && viaService === 's3';
}

function ofCertificate({ arn, uniqueId }: { arn: string; uniqueId: string }, call: Incoming): CallContext {
  if (call.context) throw new KeysteadError('AccessDenied', 'A client certificate acts for its own principal only.');
  return { ...direct(call, ''), principal: principalOf(arn, uniqueId), accessKeyId: '', session: undefined };
}

/** What this process sees for itself of a client that no service stands between. */
function direct({ sourceIp, userAgent }: Incoming, clientProvidedHostHeader: string) {
  return {
    sourceIp,
    userAgent: userAgent.slice(0, 1_024),
    tls: { version: 'TLSv1.3', cipherSuite: '', clientProvidedHostHeader },
    viaService: '',
    requestId: requestId(),
  };
}

/** Errors: AccessDenied for anything but a user or root. */
function principalOf(arn: string, uniqueId: string): Principal {
  const [, account = '', root, path = ''] = /^arn:aws:iam::(\d{12}):(?:(root)|user\/(.+))$/.exec(arn) ?? [];
  if (account === '') throw new KeysteadError('AccessDenied', 'This certificate names no user and no root.');
  if (root) return { type: PrincipalType.PRINCIPAL_TYPE_ROOT, arn, uniqueId, account, userName: '' };
  const userName = path.slice(path.lastIndexOf('/') + 1);
  return { type: PrincipalType.PRINCIPAL_TYPE_IAM_USER, arn, uniqueId, account, userName };
}
