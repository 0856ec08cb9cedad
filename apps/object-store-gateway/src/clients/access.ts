import { accessDeniedMessage, contextValues, evaluate, globalValues, policyPrincipal } from '@keystead/policy';
import type { ContextRecord } from '@keystead/policy';
import type { CallContext } from '@keystead/proto/common';
import { S3Error } from '../domain/s3-error.js';
import type { Identity } from './identity.js';

/** One question: may the caller do this? */
export interface AccessQuestion {
  /** For example "s3:PutObject". */
  readonly action: string;
  /** ARN, or "*". */
  readonly resource: string;
  /** The owner of the resource, 12 digits. */
  readonly account: string;
  /** Condition keys of S3. */
  readonly values: ContextRecord;
}

/** Decides by the caller's identity policies; a bucket is open to its owner's account only. */
export interface Access {
  /** Throws AccessDenied with AWS's sentence. */
  check(context: CallContext, question: AccessQuestion): Promise<void>;
  /** The same as an answer. */
  allows(context: CallContext, question: AccessQuestion): Promise<boolean>;
}

export function access(identity: Pick<Identity, 'policies'>, region: string, now: () => Date): Access {
  const decide = async (context: CallContext, { action, resource, account, values }: AccessQuestion) => {
    const policies = await identity.policies(context);
    return evaluate({
      action,
      resource,
      resourceAccount: account,
      principal: policyPrincipal(context),
      values: contextValues(
        { 'aws:ResourceAccount': account },
        globalValues({ context, tags: policies.tags, now: now(), region }),
        values,
      ),
      identity: policies.identity,
      boundary: policies.boundary,
      session: policies.session,
      resourcePolicyDecides: false,
    });
  };
  return {
    async check(context, question) {
      const decision = await decide(context, question);
      if (decision.effect === 'Allow') return;
      const { action, resource } = question;
      const principalArn = context.principal?.arn ?? '';
      // S3 puts ARNs between quotes, and names nothing where the action has no resource.
      const shown = resource === '*' ? {} : { resource: `"${resource}"` };
      throw new S3Error('AccessDenied', accessDeniedMessage({ principalArn, action, ...shown, decision }));
    },
    async allows(context, question) {
      return (await decide(context, question)).effect === 'Allow';
    },
  };
}
