import { KeysteadError } from '@keystead/errors';
import {
  accessDeniedMessage,
  compileBundle,
  contextValues,
  evaluate,
  globalValues,
  policyPrincipal,
  type PrincipalPolicies,
} from '@keystead/policy';
import { userBundle, type BundleSource } from './bundles.js';
import type { Caller } from './caller.js';
import type { Target } from './operation.js';
import { globalRegion } from './records.js';

/** Refuses what the caller's policies do not allow. Throws AccessDenied, or UnrecognizedClient for a user who is gone. */
export type Authorize = (caller: Caller, action: string, target: Target, now: Date) => Promise<void>;

const maximumRemembered = 1_000;

/** Decides by the policies as they are now; what is compiled is kept for as long as no change is committed. */
export function authorizer(source: BundleSource): Authorize {
  const compiled = new Map<string, { sequence: bigint; policies: PrincipalPolicies }>();

  async function policiesOf(caller: Caller): Promise<PrincipalPolicies> {
    if (caller.isRoot) return { identity: [], tags: {} };
    const id = `${caller.account}/${caller.principal.uniqueId}`;
    const known = compiled.get(id);
    if (known && known.sequence === (await source.sequence())) return known.policies;
    const user = await source.storeOf(caller.account).users.byId(caller.principal.uniqueId);
    if (!user) throw new KeysteadError('UnrecognizedClient', 'The security token included in the request is invalid.');
    const bundle = await userBundle(source, user);
    const policies = compileBundle(bundle);
    if (compiled.size >= maximumRemembered) compiled.clear();
    compiled.set(id, { sequence: bundle.sequence, policies });
    return policies;
  }

  return async (caller, action, target, now) => {
    const { identity, boundary, session, tags } = await policiesOf(caller);
    const { context, account } = caller;
    const decision = evaluate({
      action,
      resource: target.arn,
      resourceAccount: account,
      principal: policyPrincipal(context),
      values: contextValues(
        target.values ?? {},
        { 'aws:ResourceAccount': account },
        globalValues({ context, tags, now, region: globalRegion }),
      ),
      identity,
      boundary,
      session,
      resourcePolicyDecides: false,
    });
    if (decision.effect === 'Allow') return;
    const refused = { principalArn: caller.principal.arn, action, resource: target.shown, decision };
    throw new KeysteadError('AccessDenied', accessDeniedMessage(refused));
  };
}
