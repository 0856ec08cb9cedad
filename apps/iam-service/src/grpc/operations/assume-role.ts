import { KeysteadError } from '@keystead/errors';
import { accessDeniedMessage, type ContextRecord, type Decision } from '@keystead/policy';
import { PrincipalType } from '@keystead/proto/common';
import type * as wire from '@keystead/proto/iam-query';
import { parseIamArn } from '../../domain/arn.js';
import type { IssuedSession, Role, SessionFacts } from '../../domain/entities.js';
import {
  chainedTags,
  externalId,
  packedSize,
  readRoleSession,
  readSessionTags,
  roleDuration,
  sessionPolicies,
  sourceIdentity,
  type RequestedTags,
  type RoleSessionCommand,
} from '../../domain/session-request.js';
import { compileTrust, trustInAccount } from '../../domain/trust-policy.js';
import { roleByArn, rolePrincipalOf } from '../bundles.js';
import type { Caller } from '../caller.js';
import { issue, period } from '../issue.js';
import { managedPolicy, policyVersion } from '../managed-policy.js';
import { issues, type Work } from '../operation.js';
import { requestTagValues, resourceTagValues } from '../targets.js';

interface AssumeRole extends RoleSessionCommand, RequestedTags {
  /** The tags of this request alone: what comes along the chain is the caller's already (aws:PrincipalTag). */
  readonly ownTags: RequestedTags['tags'];
  readonly externalId: string | undefined;
  readonly sourceIdentity: string | undefined;
}

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
export const assumeRole = issues('sts:AssumeRole', {
  check: (request: wire.AssumeRoleRequest, caller): AssumeRole => {
    if (request.serialNumber !== undefined || request.tokenCode !== undefined) throw noDevice();
    if (request.providedContexts.length > 0) {
      throw new KeysteadError('Validation', 'ProvidedContexts are not supported.');
    }
    const requested = readSessionTags(request.tags, request.transitiveTagKeys);
    const { sourceIdentity: identity, tags } = inherited(caller);
    const named = sourceIdentity(request.sourceIdentity);
    if (identity !== undefined && named !== undefined && identity !== named) {
      throw new KeysteadError('AccessDenied', 'The source identity of the calling session cannot be changed.');
    }
    return {
      ...readRoleSession(request),
      ...chainedTags(requested, tags),
      ownTags: requested.tags,
      externalId: externalId(request.externalId),
      sourceIdentity: named ?? identity,
    };
  },
  run: async (command, work) => {
    const role = await permittedRole(command, work);
    const session = await roleSession(role, command, work);
    const { credentials, assumedRoleUser, packedPolicySize } = await session.open();
    const answer = { credentials, assumedRoleUser, packedPolicySize, sourceIdentity: command.sourceIdentity };
    return { answer, role };
  },
  roleArn: ({ roleArn }) => roleArn,
});

function noDevice(): KeysteadError {
  const message = 'MultiFactorAuthentication failed with invalid MFA one time pass code.';
  return new KeysteadError('AccessDenied', message);
}

/** What comes along a chain of roles. */
function inherited({ context }: Caller): { sourceIdentity: string | undefined; tags: RequestedTags } {
  const { session } = context;
  const tags = Object.entries(session?.tags ?? {}).map(([key, value]) => ({ key, value }));
  return {
    sourceIdentity: session?.sourceIdentity || undefined,
    tags: { tags, transitiveTagKeys: session?.transitiveTagKeys ?? [] },
  };
}

/** Nobody of another account learns from a refusal whether there is such a role. Throws AccessDenied. */
async function permittedRole(command: AssumeRole, work: Work): Promise<Role> {
  if (work.caller.isRoot) throw new KeysteadError('AccessDenied', 'Roles may not be assumed by root accounts.');
  const { roleArn: resource } = command;
  const role = await roleByArn(work, resource);
  if (!role) throw await refused('sts:AssumeRole', command, work);
  const resourcePolicy = compileTrust(role.trust);
  const values = { ...resourceTagValues(role.tags), ...requestValues(command) };
  for (const action of actionsOf(command)) {
    const about = { action, resource, resourceAccount: role.account, resourcePolicy, values };
    const decision = await work.decide(about);
    if (decision.effect !== 'Allow') throw await refused(action, command, work, { role, decision });
  }
  return role;
}

function actionsOf({ tags, sourceIdentity }: AssumeRole): string[] {
  const actions = ['sts:AssumeRole'];
  if (tags.length > 0) actions.push('sts:TagSession');
  if (sourceIdentity !== undefined) actions.push('sts:SetSourceIdentity');
  return actions;
}

/**
 * Names the caller's own policies where they refuse, and else the trust policy. To other accounts a role that is not
 * there and one that does not trust them are the same, so its tags and denials have no say.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
 */
async function refused(
  action: string,
  command: AssumeRole,
  { caller, decide }: Work,
  found?: { readonly role: Role; readonly decision: Decision },
): Promise<KeysteadError> {
  const { account, principal } = caller;
  const { roleArn: resource } = command;
  const ours = found?.role.account === account ? found : undefined;
  const own = await decide({
    ...{ action, resource, resourceAccount: parseIamArn(resource)?.account ?? account },
    resourcePolicy: trustInAccount(account),
    values: { ...resourceTagValues(ours?.role.tags ?? []), ...requestValues(command) },
  });
  const refusal = { principalArn: principal.arn, action, resource };
  if (own.effect !== 'Allow') return denied(accessDeniedMessage({ ...refusal, decision: own }));
  const why =
    ours?.decision.effect === 'ExplicitDeny'
      ? 'with an explicit deny in the role trust policy'
      : `because no role trust policy allows the ${action} action`;
  return denied(`User: ${principal.arn} is not authorized to perform: ${action} on resource: ${resource} ${why}`);
}

const denied = (message: string): KeysteadError => new KeysteadError('AccessDenied', message);

function requestValues(command: AssumeRole): ContextRecord {
  return {
    ...requestTagValues(command.ownTags),
    'sts:RoleSessionName': command.name,
    'sts:ExternalId': command.externalId,
    'sts:SourceIdentity': command.sourceIdentity,
    'sts:DurationSeconds': command.duration === undefined ? undefined : String(command.duration),
    'sts:TransitiveTagKeys': command.transitiveTagKeys.length === 0 ? undefined : command.transitiveTagKeys,
  };
}

type Facts = RequestedTags & Pick<SessionFacts, 'sourceIdentity'> & Partial<Pick<SessionFacts, 'federated'>>;

/** Everything about a new session but its keys. Throws Validation, PackedPolicyTooLarge, NoSuchEntity for a policy. */
export async function roleSession(role: Role, command: RoleSessionCommand & Facts, work: Work) {
  const { account, id, maxSessionDuration: longest } = role;
  const chained = work.caller.principal.type === PrincipalType.PRINCIPAL_TYPE_ASSUMED_ROLE;
  const duration = roleDuration(command.duration, { longest, chained });
  const packedPolicySize = packedSize(command, command.tags);
  const { tags, transitiveTagKeys, sourceIdentity, federated } = command;
  const policies = sessionPolicies(command, await managed(role, command, work));
  const facts: SessionFacts = { policies, tags, transitiveTagKeys, sourceIdentity, federated };
  const session: Omit<IssuedSession, 'accessKeyId'> = {
    ...{ account, issuerId: id, name: command.name, facts },
    ...period(work.now, duration),
  };
  const { arn, uniqueId: assumedRoleId } = rolePrincipalOf(role, command.name);
  return {
    open: async () => ({
      credentials: await issue(work, session),
      assumedRoleUser: { assumedRoleId, arn },
      packedPolicySize,
    }),
  };
}

/** Managed session policies as they are now: they stay so for the life of the session. */
async function managed({ account }: Role, { policyArns }: RoleSessionCommand, { storeOf }: Work) {
  const store = storeOf(account);
  const found = [];
  for (const name of policyArns) {
    const { defaultVersion } = await managedPolicy(store, name);
    found.push({ name, document: (await policyVersion(store, name, defaultVersion)).document });
  }
  return found;
}
