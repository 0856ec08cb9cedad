import { KeysteadError } from '@keystead/errors';
import {
  accessDeniedMessage,
  compileBundle,
  contextValues,
  evaluate,
  globalValues,
  policyPrincipal,
  sessionPolicies,
  trace,
  type CompiledPolicy,
  type ContextRecord,
  type Decision,
  type PrincipalPolicies,
} from '@keystead/policy';
import { PrincipalType } from '@keystead/proto/common';
import type { PrincipalBundle } from '@keystead/proto/iam';
import { authorizationMessage } from '../domain/authorization-message.js';
import type { StoredSession } from '../store/sessions.js';
import { roleBundle, sessionBundle, userBundle, type BundleSource } from './bundles.js';
import type { Caller } from './caller.js';
import type { Target } from './operation.js';
import { globalRegion } from './records.js';

/** What the caller's policies are found in. */
export interface PolicySource extends BundleSource {
  session(accessKeyId: string): Promise<StoredSession | undefined>;
}

/** One question that is not decided by the caller's policies alone. */
export interface Question {
  readonly action: string;
  readonly resource: string;
  readonly resourceAccount: string;
  readonly resourcePolicy: CompiledPolicy;
  readonly values: ContextRecord;
  readonly now: Date;
}

/** Decides by the policies as they are now; what is compiled is kept for as long as no change is committed. */
export interface Authorizer {
  /** Refuses what the caller's policies do not allow. Throws AccessDenied, or UnrecognizedClient for a caller who is gone. */
  require(caller: Caller, action: string, target: Target, now: Date): Promise<void>;
  /** Decides by the policy of a resource and by the caller's. Throws UnrecognizedClient for a caller who is gone. */
  decide(caller: Caller, question: Question): Promise<Decision>;
}

const maximumRemembered = 1_000;
const nothing: PrincipalPolicies = { identity: [], tags: {} };

/** Seals the explanation of a refusal for the administrators of an account; undefined when that cannot be done. */
export type Seal = (account: string, text: string) => Promise<string | undefined>;

export function authorizer(source: PolicySource, seal: Seal): Authorizer {
  const compiled = new Map<string, { sequence: bigint; policies: PrincipalPolicies }>();

  /** The policies of a user, or of the role behind a session. */
  async function issuerPolicies({ account, principal, context }: Caller): Promise<PrincipalPolicies> {
    const { type } = principal;
    // The bearer of a token has no policies of its own.
    if (type !== PrincipalType.PRINCIPAL_TYPE_IAM_USER && type !== PrincipalType.PRINCIPAL_TYPE_ASSUMED_ROLE)
      return nothing;
    const isRole = type === PrincipalType.PRINCIPAL_TYPE_ASSUMED_ROLE;
    const issuer = isRole ? (context.session?.issuerUniqueId ?? '') : principal.uniqueId;
    const id = `${account}/${issuer}`;
    const known = compiled.get(id);
    if (known && known.sequence === (await source.sequence())) return known.policies;
    const bundle = isRole ? await bundleOfRole(source, account, issuer) : await bundleOfUser(source, account, issuer);
    if (!bundle)
      throw new KeysteadError('UnrecognizedClient', 'The security token included in the request is invalid.');
    const policies = compileBundle(bundle);
    if (compiled.size >= maximumRemembered) compiled.clear();
    compiled.set(id, { sequence: bundle.sequence, policies });
    return policies;
  }

  async function policiesOf(caller: Caller): Promise<PrincipalPolicies> {
    const issuer = await issuerPolicies(caller);
    const { session, accessKeyId } = caller.context;
    if (!session?.hasPolicies) return issuer;
    const stored = await source.session(accessKeyId);
    if (!stored)
      throw new KeysteadError('UnrecognizedClient', 'The security token included in the request is invalid.');
    return sessionPolicies(issuer, compileBundle(sessionBundle(stored.session, caller.principal, 0n)));
  }

  return {
    require: async (caller, action, target, now) => {
      const { identity, boundary, session, tags } = await policiesOf(caller);
      const { context, account } = caller;
      const given = [
        target.values ?? {},
        { 'aws:ResourceAccount': account },
        globalValues({ context, tags, now, region: globalRegion }),
      ] as const;
      const request = {
        action,
        resource: target.arn,
        resourceAccount: account,
        principal: policyPrincipal(context),
        values: contextValues(...given),
        identity,
        boundary,
        session,
        resourcePolicyDecides: false,
      };
      const decision = evaluate(request);
      if (decision.effect === 'Allow') return;
      const { arn, uniqueId: id } = caller.principal;
      const values: ContextRecord = { ...given[2], ...given[1], ...given[0] };
      const refusal = { principal: { id, arn }, action, resource: target.arn, values, trace: trace(request) };
      const sealed = await seal(account, authorizationMessage(refusal));
      throw new KeysteadError(
        'AccessDenied',
        accessDeniedMessage({ principalArn: arn, action, resource: target.shown, decision }),
        sealed === undefined ? {} : { details: { 'encoded-authorization-message': sealed } },
      );
    },

    decide: async (caller, { action, resource, resourceAccount, resourcePolicy, values, now }) => {
      const { identity, boundary, session, tags } = await policiesOf(caller);
      const { context } = caller;
      const isFederated = caller.principal.type === PrincipalType.PRINCIPAL_TYPE_WEB_IDENTITY;
      return evaluate({
        action,
        resource,
        resourceAccount,
        principal: { ...policyPrincipal(context), isFederated },
        values: contextValues(
          values,
          { 'aws:ResourceAccount': resourceAccount },
          globalValues({ context, tags, now, region: globalRegion }),
        ),
        identity,
        boundary,
        session,
        resourcePolicy,
        resourcePolicyDecides: true,
      });
    },
  };
}

async function bundleOfUser(source: BundleSource, account: string, id: string): Promise<PrincipalBundle | undefined> {
  const user = await source.storeOf(account).users.byId(id);
  return user && userBundle(source, user);
}

async function bundleOfRole(source: BundleSource, account: string, id: string): Promise<PrincipalBundle | undefined> {
  const role = await source.storeOf(account).roles.byId(id);
  return role && roleBundle(source, role);
}
