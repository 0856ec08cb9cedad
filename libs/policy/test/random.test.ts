import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compilePolicy, contextValues, evaluate, type PolicyKind, type PolicyPrincipal } from '../src/index.js';
import { naiveOperators } from './naive/conditions.js';
import { naiveDecision, type NaiveDocument, type NaivePrincipal, type NaiveRequest } from './naive/evaluator.js';

// Random policies and requests through the engine and through the naive evaluator. A failure prints its seed and the
// smallest example; a million: npm run campaign:policy
const runs = Number(process.env['KEYSTEAD_POLICY_RUNS'] ?? 4_000);

const account = '111122223333';
const other = '444455556666';
const userOf = (owner: string, name: string) => `arn:aws:iam::${owner}:user/${name}`;
const key = (owner: string, id: string) => `arn:aws:kms:us-east-1:${owner}:key/${id}`;

const principals: readonly NaivePrincipal[] = [account, other].flatMap((owner) => [
  { kind: 'root', account: owner },
  { kind: 'user', account: owner, arn: userOf(owner, 'alice'), id: 'AIDAALICE00000000000A' },
  {
    ...{ kind: 'session', account: owner, roleArn: `arn:aws:iam::${owner}:role/app`, sessionName: 's1' },
    ...{ arn: `arn:aws:sts::${owner}:assumed-role/app/s1`, roleId: 'AROAAPP0000000000000A' },
  } as const,
  { kind: 'service', account: owner, name: 's3.amazonaws.com' },
]);

const awsNames = [
  ...['*', account, other, `arn:aws:iam::${account}:root`, `arn:aws:iam::${other}:root`, userOf(account, 'alice')],
  ...[userOf(other, 'alice'), userOf(account, 'bob'), 'AIDAALICE00000000000A', 'AROAAPP0000000000000A'],
  ...[`arn:aws:iam::${account}:role/app`, `arn:aws:sts::${account}:assumed-role/app/s1`],
];

function oneOrMore(values: readonly string[]): fc.Arbitrary<string | string[]> {
  const one = fc.constantFrom(...values);
  return fc.oneof(one, fc.array(one, { minLength: 1, maxLength: 3 }));
}

const action = oneOrMore(['*', 'kms:*', 'kms:Encrypt', 'KMS:enc*', 'kms:?ecrypt', 's3:*', 'kms:*crypt', '*:*crypt']);
const resource = oneOrMore([
  ...['*', key(account, 'red'), key(account, '*'), key(other, 'red'), 'arn:aws:kms:us-*-1:*:key/?ed', 'arn:aws:kms:*'],
  ...['arn:aws:kms:*:*:key/${aws:username}', "arn:aws:kms:*:*:key/${aws:principaltag/team, 'red'}", 'arn:aws:s3:::b/*'],
  ...['arn:aws:kms:us-*3:key/red', 'arn:aws:kms:*:${aws:username}'],
]);

/** Values for keys of each type, some equal when written differently, and what a policy may say about them. */
const vocabulary: Readonly<Record<string, { operators: RegExp; given: readonly string[]; wanted: readonly string[] }>> =
  {
    'aws:username': {
      operators: /^String/,
      given: ['red', 'Red', 'blue', '*', ''],
      wanted: [
        'red',
        'RED',
        'r*',
        '?ed',
        '*',
        '${aws:principaltag/team}',
        "${aws:principaltag/team, 'red'}",
        'x${aws:username}',
      ],
    },
    'kms:rotationperiodindays': {
      operators: /^Numeric/,
      given: ['90', '1e2', '-5', 'x'],
      wanted: ['90', '90.0', '100', '-5', '.5'],
    },
    'aws:currenttime': {
      operators: /^Date/,
      given: ['2026-11-22T10:00:00Z', '2026-11-22T10:00:00.001Z', '2030-01-01T00:00:00Z'],
      wanted: ['2026-11-22T10:00:00Z', '2026-11-22T12:00:00+02:00', '2026-11-22', '1795341600'],
    },
    'aws:securetransport': { operators: /^(Bool|Null)$/, given: ['true', 'false'], wanted: ['true', 'false'] },
    'aws:sourceip': {
      operators: /Ip/,
      given: ['10.1.2.3', '10.1.2.4', '2001:db8::1', '2001:db8:0:0:0:0:0:1', 'nothing'],
      wanted: ['10.1.2.3', '10.1.2.0/30', '10.1.2.2/31', '0.0.0.0/0', '2001:db8::/32', '::/0', '2001:db8::1/128'],
    },
    'aws:principalarn': {
      operators: /^Arn/,
      given: [userOf(account, 'red'), userOf(account, 'a/b:c'), 'arn:aws:iam', 'red'],
      wanted: [
        userOf(account, '*'),
        'arn:aws:iam::*:user/?ed',
        'arn:*:red',
        'arn:aws:iam::*',
        userOf(account, '${aws:username}'),
      ],
    },
    'aws:tagkeys': {
      operators: /^String/,
      given: ['red', 'blue', 'x'],
      wanted: ['red', 'b*', 'blue', '${aws:username}'],
    },
    'kms:x': { operators: /^Binary/, given: ['AAEC', 'AAED', ''], wanted: ['AAEC', 'AAE=', ''] },
  };

/** "ec2:x" stands where a key is needed of which no service is here, so that its condition is accepted. */
const spelled = (name: string): string => (name === 'kms:x' ? 'ec2:X' : name);

const operatorOf = (operators: RegExp) =>
  fc
    .tuple(
      fc.constantFrom('', '', 'ForAllValues:', 'ForAnyValue:'),
      fc.constantFrom(...[...naiveOperators, 'Null'].filter((name) => operators.test(name))),
      fc.constantFrom('', '', 'IfExists'),
    )
    .map(([set, name, ifExists]) => (name === 'Null' ? 'Null' : `${set}${name}${ifExists}`));

const condition = fc
  .constantFrom(...Object.entries(vocabulary))
  .chain(([name, { operators, wanted }]) =>
    fc.record({ name: fc.constant(name), operator: operatorOf(operators), wanted: oneOrMore(wanted) }),
  )
  .map(({ name, operator, wanted }) => [operator, { [spelled(name)]: operator === 'Null' ? 'true' : wanted }] as const);

const conditions = fc
  .array(condition, { maxLength: 2 })
  .map((list) => (list.length === 0 ? undefined : Object.fromEntries(list)));

const either = <T>(yes: string, no: string, values: fc.Arbitrary<T>) =>
  fc.oneof(
    { weight: 4, arbitrary: values.map((value) => ({ [yes]: value })) },
    { weight: 1, arbitrary: values.map((value) => ({ [no]: value })) },
  );

const named = fc.oneof(
  fc.constant('*' as const),
  oneOrMore(awsNames).map((AWS) => ({ AWS })),
  oneOrMore(awsNames).map((AWS) => ({ AWS, Service: 's3.amazonaws.com' })),
);

/** NotPrincipal may stand only with Deny. */
const withPrincipal = fc.oneof(
  { weight: 5, arbitrary: fc.record({ Effect: fc.constantFrom('Allow', 'Allow', 'Deny'), Principal: named }) },
  { weight: 1, arbitrary: fc.record({ Effect: fc.constant('Deny'), NotPrincipal: named }) },
);

function statement(isResourcePolicy: boolean) {
  const subject = isResourcePolicy ? withPrincipal : fc.record({ Effect: fc.constantFrom('Allow', 'Allow', 'Deny') });
  const parts = [either('Action', 'NotAction', action), either('Resource', 'NotResource', resource)] as const;
  return fc
    .tuple(subject, ...parts, conditions)
    .map(([who, what, where, Condition]) => ({ ...who, ...what, ...where, ...(Condition && { Condition }) }));
}

const document = (isResourcePolicy: boolean): fc.Arbitrary<NaiveDocument> =>
  fc.record({
    Version: fc.constantFrom('2012-10-17', '2012-10-17', '2008-10-17'),
    Statement: fc
      .tuple(fc.array(statement(isResourcePolicy), { minLength: 1, maxLength: 4 }), fc.boolean())
      .map(([statements, repeats]) =>
        repeats ? statements.map((one) => withConditionsOf(statements[0], one)) : statements,
      ),
  });

/** Statements of one document often have the same conditions, which the engine asks only once. */
const withConditionsOf = <T extends { Condition?: object }>(first: T | undefined, one: T): T =>
  first?.Condition === undefined ? one : { ...one, Condition: first.Condition };

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const context = fc
  .record({
    ...Object.fromEntries(
      Object.entries(vocabulary).map(([name, { given }]) => [
        spelled(name).toLowerCase(),
        maybe<string | string[]>(
          name === 'aws:tagkeys' ? fc.array(fc.constantFrom(...given), { maxLength: 3 }) : fc.constantFrom(...given),
        ),
      ]),
    ),
    'aws:principaltag/team': maybe(fc.constantFrom('red', 'blue')),
  })
  .map((record) => record as NaiveRequest['context']);

const anyRequest: fc.Arbitrary<NaiveRequest> = fc.record({
  principal: fc.constantFrom(...principals),
  action: fc.constantFrom('kms:Encrypt', 'kms:Decrypt', 's3:GetObject'),
  resource: fc.constantFrom(key(account, 'red'), key(account, 'blue'), key(other, 'red'), 'arn:aws:s3:::b/k'),
  resourceAccount: fc.constantFrom(account, account, other),
  context,
  identity: fc.array(document(false), { maxLength: 3 }),
  boundary: maybe(document(false)),
  session: maybe(fc.array(document(false), { maxLength: 2 })),
  resourcePolicy: maybe(document(true)),
  keyPolicyDecides: fc.boolean(),
});

/** A service has no policies of its own. */
const request = anyRequest.map((asked) =>
  asked.principal.kind === 'service' ? { ...asked, identity: [], boundary: undefined, session: undefined } : asked,
);

function enginePrincipal(principal: NaivePrincipal): PolicyPrincipal {
  const { account: owner } = principal;
  switch (principal.kind) {
    case 'root':
      return { arn: `arn:aws:iam::${owner}:root`, account: owner, uniqueId: owner, isRoot: true };
    case 'user':
      return { arn: principal.arn, account: owner, uniqueId: principal.id };
    case 'session':
      return {
        ...{ arn: principal.arn, account: owner, roleArn: principal.roleArn },
        uniqueId: `${principal.roleId}:${principal.sessionName}`,
      };
    case 'service':
      return { arn: principal.name, account: owner, isService: true };
  }
}

/** Compiles the policies once, and decides one request after the other by them. */
function engineDecisions(requests: readonly [NaiveRequest, ...NaiveRequest[]]): string[] {
  const compiled = (kind: PolicyKind) => (json: NaiveDocument) =>
    compilePolicy(JSON.stringify(json), { kind, name: kind });
  const [{ identity, boundary, resourcePolicy, session }] = requests;
  const policies = {
    identity: identity.map(compiled('identity')),
    boundary: boundary && compiled('boundary')(boundary),
    session: session?.map(compiled('session')),
    resourcePolicy: resourcePolicy && compiled('resource')(resourcePolicy),
  };
  return requests.map(
    ({ action: name, resource: arn, resourceAccount, keyPolicyDecides, principal, context: given }) => {
      const asked = { action: name, resource: arn, resourceAccount, resourcePolicyDecides: keyPolicyDecides };
      return evaluate({ ...asked, ...policies, principal: enginePrincipal(principal), values: contextValues(given) })
        .effect;
    },
  );
}

test('the engine and the naive evaluator decide alike', { timeout: 30_000 + 5 * runs }, () => {
  const answers = new Map<string, number>();
  fc.assert(
    fc.property(request, context, (asked, otherwise) => {
      // Asked again after another's request: what the engine remembers is of its own request.
      const requests = [asked, { ...asked, context: otherwise }, asked] as const;
      const wanted = requests.map(naiveDecision);
      expect(engineDecisions([...requests])).toEqual(wanted);
      for (const answer of wanted) answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }),
    { numRuns: runs },
  );
  // Random policies that never allow would show nothing.
  for (const answer of ['Allow', 'ExplicitDeny', 'ImplicitDeny'])
    expect(answers.get(answer) ?? 0).toBeGreaterThan(runs / 50);
});
