import { type CallContext, type Principal, PrincipalType, type Session } from '@keystead/proto/common';
import { canonicalJson, type Json } from './canonical.js';
import { isoSeconds } from './time.js';

// The same few callers write nearly all records, and this member is a third of each.
const known = new Map<string, string>();
const maxKnown = 2_000;

/** CloudTrail's userIdentity, as canonical JSON, for the log of `recipientAccount`. */
export function userIdentity(context: CallContext, recipientAccount: string): string {
  const { principal, session, accessKeyId, viaService } = context;
  if (!principal) throw new TypeError('a record needs a principal');
  const who = `${String(principal.type)} ${principal.arn} ${principal.uniqueId} ${principal.account} ${principal.userName}`;
  // One session, one access key: what else is said of a session follows from it.
  const issued = session ? `${session.issuerArn} ${session.issuerUniqueId} ${String(session.issuedAtMs)}` : '';
  const key = `${who} ${accessKeyId} ${viaService} ${recipientAccount} ${issued}`;
  let text = known.get(key);
  if (text === undefined) {
    text = canonicalJson({ ...identityOf(principal, context, recipientAccount), invokedBy: invokedBy(context) });
    if (known.size >= maxKnown) known.clear();
    known.set(key, text);
  }
  return text;
}

/** Service principals and forwarded calls name the service that made the call. */
export function invokedBy(context: CallContext): string | undefined {
  if (context.viaService !== '') return `${context.viaService}.amazonaws.com`;
  return context.principal?.type === PrincipalType.PRINCIPAL_TYPE_SERVICE ? context.principal.arn : undefined;
}

/** LookupEvents' Username: the user, the role session, "root"; empty for a service. */
export function usernameOf(principal: Principal): string {
  switch (principal.type) {
    case PrincipalType.PRINCIPAL_TYPE_IAM_USER:
      return principal.userName;
    case PrincipalType.PRINCIPAL_TYPE_ASSUMED_ROLE:
      return lastSegment(principal.arn);
    case PrincipalType.PRINCIPAL_TYPE_WEB_IDENTITY:
      return principal.userName;
    case PrincipalType.PRINCIPAL_TYPE_ROOT:
      return 'root';
    default:
      return '';
  }
}

function identityOf(principal: Principal, context: CallContext, recipientAccount: string): Record<string, Json> {
  if (principal.type === PrincipalType.PRINCIPAL_TYPE_SERVICE) return { type: 'AWSService' };
  const { uniqueId, account, arn } = principal;
  // The owner of a resource learns only which account called (CloudTrail's type AWSAccount).
  if (account !== recipientAccount) return { type: 'AWSAccount', principalId: uniqueId, accountId: account };
  const common = { principalId: uniqueId, arn, accountId: account, accessKeyId: context.accessKeyId || undefined };
  const session = context.session && sessionContext(context.session, account);
  switch (principal.type) {
    case PrincipalType.PRINCIPAL_TYPE_ROOT:
      return { type: 'Root', ...common, sessionContext: session };
    case PrincipalType.PRINCIPAL_TYPE_IAM_USER:
      return { type: 'IAMUser', ...common, userName: principal.userName, sessionContext: session };
    case PrincipalType.PRINCIPAL_TYPE_ASSUMED_ROLE:
      return { type: 'AssumedRole', ...common, sessionContext: session };
    case PrincipalType.PRINCIPAL_TYPE_WEB_IDENTITY:
      return { type: 'WebIdentityUser', principalId: uniqueId, userName: principal.userName, identityProvider: arn };
    default:
      throw new TypeError(`a record needs a known type of principal, not ${String(principal.type)}`);
  }
}

function sessionContext(session: Session, account: string): Json {
  const attributes = { creationDate: isoSeconds(Number(session.issuedAtMs)), mfaAuthenticated: 'false' };
  if (!session.issuerArn.includes(':role/')) return { attributes };
  const { issuerArn: arn, issuerUniqueId: principalId, federatedProvider, federatedClaims } = session;
  const sessionIssuer = { type: 'Role', principalId, arn, accountId: account, userName: lastSegment(arn) };
  const federated = federatedProvider !== '' && {
    webIdFederationData: { federatedProvider, attributes: { ...federatedClaims } },
  };
  const source = session.sourceIdentity !== '' && { sourceIdentity: session.sourceIdentity };
  return { attributes, sessionIssuer, ...federated, ...source };
}

function lastSegment(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1);
}
