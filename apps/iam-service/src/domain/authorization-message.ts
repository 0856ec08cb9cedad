import type { ContextRecord, Trace, TracedCondition } from '@keystead/policy';

/** A refused request with what refused it. */
export interface Refusal {
  readonly principal: { readonly id: string; readonly arn: string };
  readonly action: string;
  readonly resource: string;
  /** The condition keys of the request. */
  readonly values: ContextRecord;
  readonly trace: Trace;
}

const items = <T>(list: readonly T[]) => ({ items: list });
const values = (list: readonly string[]) => items(list.map((value) => ({ value })));
const conditions = (list: readonly { key: string; found: readonly string[] }[]) =>
  items(list.map(({ key, found }) => ({ key, values: values(found) })));

/**
 * What an encoded authorization message says once it is decoded, in AWS's form. Statements are told by policy, number
 * and conditions; the policy itself is read in IAM.
 * https://docs.aws.amazon.com/cli/latest/reference/sts/decode-authorization-message.html
 */
export function authorizationMessage({ principal, action, resource, values: given, trace }: Refusal): string {
  const { decision, matched, missingContextKeys, policies } = trace;
  const denying = matched.filter(({ effect }) => effect === 'Deny');
  const asked = Object.entries(given).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, found: list(value) }],
  );
  return JSON.stringify({
    allowed: false,
    explicitDeny: decision.effect === 'ExplicitDeny',
    matchedStatements: items(
      denying.map(({ policy, index, sid, type }) => {
        const statement = policies
          .find((one) => one.type === type && one.name === policy)
          ?.statements.find((one) => one.index === index);
        return {
          ...{ statementId: sid ?? '', effect: 'DENY', policyType: type, policy, statement: index + 1 },
          principals: values([principal.id]),
          conditions: conditions((statement?.conditions ?? []).map(read)),
        };
      }),
    ),
    failures: items([]),
    deniedBy: decision.policyType,
    missingContextKeys,
    context: { principal, action, resource, conditions: conditions(asked) },
  });
}

function list(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? [value] : value;
}

function read({ key, wanted }: TracedCondition): { key: string; found: readonly string[] } {
  return { key, found: wanted };
}
