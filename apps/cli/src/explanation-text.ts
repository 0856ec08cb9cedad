import type {
  ExplainedCondition,
  ExplainedGrant,
  ExplainedPolicy,
  ExplainedStatement,
  ExplainRequest,
  ExplainResponse,
} from '@keystead/proto/kms';
import { printable } from './printable.js';

const decisions: Readonly<Record<string, string>> = {
  Allow: 'ALLOWED',
  ExplicitDeny: 'DENIED by a statement',
  ImplicitDeny: 'DENIED because nothing allows it',
};

const kinds: Readonly<Record<string, string>> = {
  resource: 'key policy',
  boundary: 'permissions boundary',
  session: 'session policy',
  identity: 'identity-based policy',
  grant: 'grant',
};

/** An explanation to read: the decision, who decided, then every policy and grant. */
export function explanationText(request: ExplainRequest, answer: ExplainResponse, shown: { all: boolean }): string {
  const { decision, decidedBy, message, policies, grants, missingContextKeys, notes } = answer;
  const lines = [
    `principal  ${request.principal}`,
    `action     ${request.action}`,
    `resource   ${answer.resource}`,
    '',
    `${decisions[decision] ?? decision}${decider(answer)}`,
  ];
  if (message !== '') lines.push(`the caller sees: ${message}`);
  if (decision === 'ImplicitDeny') lines.push(`missing: an Allow in ${article(kinds[decidedBy] ?? decidedBy)}`);
  for (const policy of policies) lines.push('', ...policyLines(policy, shown.all));
  if (!policies.some(({ type }) => type === 'identity')) lines.push('', 'identity-based policies: none');
  if (grants.length > 0) lines.push('', 'grants', ...grants.map(grantLine));
  if (missingContextKeys.length > 0)
    lines.push('', `not given, and asked for (--context key=value): ${missingContextKeys.join(', ')}`);
  for (const note of notes) lines.push('', `note: ${note}`);
  return lines.map(printable).join('\n');
}

function article(words: string): string {
  return `${/^[aeiou]/.test(words) ? 'an' : 'a'} ${words}`;
}

function decider({ decidedBy, policy, statement, decision }: ExplainResponse): string {
  if (decision === 'ImplicitDeny') return '';
  const kind = kinds[decidedBy] ?? decidedBy;
  if (policy === '') return decidedBy === 'identity' ? ': the root user is not limited by policies' : `: ${kind}`;
  const name = policy === kind ? kind : `${kind} ${policy}`;
  return statement === undefined ? `: ${name}` : `: ${name}, statement ${statement + 1}`;
}

function policyLines({ type, name, outcome, statements }: ExplainedPolicy, all: boolean): string[] {
  const kind = kinds[type] ?? type;
  const title = name === kind ? kind : `${kind} ${name}`;
  const relevant = statements.filter((statement) => all || (statement.action && statement.principal !== 'none'));
  const hidden = statements.length - relevant.length;
  const says = { Allow: 'allows', ExplicitDeny: 'denies', ImplicitDeny: 'says nothing' }[outcome] ?? outcome;
  return [
    `${title}: ${says}`,
    ...relevant.flatMap(statementLines),
    ...(hidden > 0 ? [`  (${hidden} about other actions or principals: --all)`] : []),
  ];
}

function statementLines(statement: ExplainedStatement): string[] {
  const { index, sid, effect, applies, conditions } = statement;
  const name = sid === '' ? `${index + 1}` : `${index + 1} "${sid}"`;
  const lines = [`  ${applies ? '✔' : '·'} statement ${name} ${effect}: ${applies ? 'applies' : whyNot(statement)}`];
  return [...lines, ...conditions.map((condition) => `      ${conditionLine(condition)}`)];
}

function whyNot({ action, principal, resource, conditions }: ExplainedStatement): string {
  if (!action) return 'is about other actions';
  if (principal === 'none') return 'is about other principals';
  if (!resource) return 'is about other resources';
  return conditions.some(({ matched }) => !matched) ? 'a condition does not hold' : 'does not apply';
}

function conditionLine({ operator, key, wanted, found, present, matched }: ExplainedCondition): string {
  const has = present ? found.map((value) => JSON.stringify(value)).join(', ') || 'no value' : 'not in the request';
  const values = wanted.map((value) => JSON.stringify(value)).join(', ');
  return `${matched ? '✔' : '✘'} ${operator} ${key}: wanted ${values}; found ${has}`;
}

function grantLine({ grantId, operations, named, covers, allows }: ExplainedGrant): string {
  const to = { self: 'to the principal', role: 'to its role', account: 'to its account' }[named] ?? named;
  const why = allows ? 'allows' : covers ? 'fits, but boundary, session or identity policies limit it' : 'does not fit';
  return `  ${allows ? '✔' : '·'} ${grantId.slice(0, 16)}… ${to} for ${operations.join(', ')}: ${why}`;
}
