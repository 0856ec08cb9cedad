import { KeysteadError } from '@keystead/errors';
import { PrincipalType, type CallContext, type Principal } from '@keystead/proto/common';
import type * as wire from '@keystead/proto/iam-query';
import { oidcProviderArn, parseIamArn } from '../../domain/arn.js';
import type { Role } from '../../domain/entities.js';
import { constraint, present } from '../../domain/fields.js';
import {
  readRoleSession,
  readSessionTags,
  sourceIdentity,
  type RequestedTags,
  type RoleSessionCommand,
} from '../../domain/session-request.js';
import { compileTrust } from '../../domain/trust-policy.js';
import { roleByArn } from '../bundles.js';
import type { Caller } from '../caller.js';
import type { Identify, ProvenToken } from '../identity-token.js';
import { issues, type Work } from '../operation.js';
import { requestTagValues, resourceTagValues } from '../targets.js';
import { roleSession } from './assume-role.js';

/** A caller who was proven by a token. */
interface Bearer extends Caller {
  readonly token: ProvenToken;
}

interface Command extends RoleSessionCommand, RequestedTags {
  readonly token: ProvenToken;
  readonly sourceIdentity: string | undefined;
}

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html */
export const assumeRoleWithWebIdentity = issues('sts:AssumeRoleWithWebIdentity', {
  bearer: proven,
  check: (request: wire.AssumeRoleWithWebIdentityRequest, caller): Command => {
    const { token } = caller as Bearer;
    return {
      token,
      ...readRoleSession(request),
      ...readSessionTags([...token.tags], token.transitiveTagKeys),
      sourceIdentity: sourceIdentity(token.sourceIdentity),
    };
  },
  run: async (command, work) => {
    const { token } = command;
    const role = await trustingRole(command, work);
    const { arn: provider } = work.caller.principal;
    const federated = { provider, claims: token.claims };
    const session = await roleSession(role, { ...command, federated }, work);
    const { credentials, assumedRoleUser, packedPolicySize } = await session.open();
    const { issuer, subject, audience } = token;
    const told = { subjectFromWebIdentityToken: subject, provider: issuer, audience };
    const { sourceIdentity } = command;
    return { answer: { credentials, ...told, assumedRoleUser, packedPolicySize, sourceIdentity }, role };
  },
  roleArn: ({ roleArn }) => roleArn,
});

/** Proves the token against the providers of the role's account, whose name alone the request may be believed in. */
async function proven(
  request: wire.AssumeRoleWithWebIdentityRequest,
  context: CallContext,
  identify: Identify,
): Promise<Bearer> {
  if (context.viaService !== '') throw new KeysteadError('AccessDenied', 'The call does not say who makes it.');
  if (request.providerId !== undefined) {
    throw new KeysteadError('Validation', 'ProviderId is only for OAuth 2.0 access tokens, which are not supported.');
  }
  const { roleArn } = readRoleSession(request);
  const text = present('webIdentityToken', request.webIdentityToken);
  // No part of a token is shown, not even of one that is too long.
  if (text.length < 4) throw constraint('webIdentityToken', '', 'have length greater than or equal to 4');
  if (text.length > 20_000) throw constraint('webIdentityToken', '', 'have length less than or equal to 20000');
  const named = parseIamArn(roleArn);
  if (named?.type !== 'role') throw new KeysteadError('Validation', `${roleArn.slice(0, 256)} is invalid`);
  const { account } = named;
  const token = await identify(text, account);
  const principal = bearerPrincipal(token, account);
  // Whoever signed besides, the token alone counts.
  return {
    context: { ...context, principal, session: undefined, accessKeyId: '' },
    principal,
    account,
    isRoot: false,
    token,
  };
}

/** As CloudTrail's type WebIdentityUser has it. */
function bearerPrincipal({ provider, audience, subject }: ProvenToken, account: string): Principal {
  const type = PrincipalType.PRINCIPAL_TYPE_WEB_IDENTITY;
  const arn = oidcProviderArn(account, provider.name);
  return { type, arn, uniqueId: `${arn}:${audience}:${subject}`, account, userName: subject };
}

/** Nobody learns from a refusal whether there is such a role. Throws AccessDenied. */
async function trustingRole(command: Command, work: Work): Promise<Role> {
  const role = await roleByArn(work, command.roleArn);
  const actions = ['sts:AssumeRoleWithWebIdentity'];
  if (command.tags.length > 0) actions.push('sts:TagSession');
  if (command.sourceIdentity !== undefined) actions.push('sts:SetSourceIdentity');
  for (const action of actions) {
    if (!role || !(await trusts(role, action, command, work))) {
      throw new KeysteadError('AccessDenied', `Not authorized to perform ${action}`);
    }
  }
  if (!role) throw new KeysteadError('AccessDenied', 'Not authorized to perform sts:AssumeRoleWithWebIdentity');
  return role;
}

async function trusts(role: Role, action: string, command: Command, work: Work): Promise<boolean> {
  const values = {
    ...resourceTagValues(role.tags),
    ...command.token.claims,
    ...requestTagValues(command.tags),
    'aws:FederatedProvider': work.caller.principal.arn,
    'sts:RoleSessionName': command.name,
    'sts:SourceIdentity': command.sourceIdentity,
    'sts:DurationSeconds': command.duration === undefined ? undefined : String(command.duration),
    'sts:TransitiveTagKeys': command.transitiveTagKeys.length === 0 ? undefined : command.transitiveTagKeys,
  };
  const about = { action, resource: command.roleArn, resourceAccount: role.account };
  return (await work.decide({ ...about, resourcePolicy: compileTrust(role.trust), values })).effect === 'Allow';
}
