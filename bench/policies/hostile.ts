import { type AuthorizationRequest, compilePolicy, contextValues, type PolicyKind } from '@keystead/policy';
import { documentOf } from './mixture.js';

/** A document of a size that its service takes. */
export interface Legal {
  readonly name: string;
  readonly kind: PolicyKind;
  readonly json: string;
}

const quotas: readonly [string, PolicyKind, number][] = [
  ['managed policy, 6,144 characters', 'identity', 6_144],
  ['inline policy of a role, 10,240 characters', 'identity', 10_240],
  ['key policy, 32 KiB', 'resource', 32_768],
];

type Fill = (count: number) => object[];

const everyone = { Principal: '*' };
const values =
  (operator: string, one: (n: number) => string): Fill =>
  (count) => [
    {
      Effect: 'Allow',
      Action: '*',
      Resource: '*',
      Condition: { [operator]: { 'ec2:x': Array.from({ length: count }, (_, n) => one(n)) } },
    },
  ];
const fills: Readonly<Record<string, Fill>> = {
  statements: (count) => Array.from({ length: count }, () => ({ Effect: 'Allow', Action: 'a:b', Resource: '*' })),
  actions: (count) => [{ Effect: 'Allow', Action: Array.from({ length: count }, (_, n) => `a:${n}*`), Resource: '*' }],
  resources: (count) => [
    { Effect: 'Allow', Action: '*', Resource: Array.from({ length: count }, (_, n) => `arn:aws:s3:::*${n}?*`) },
  ],
  'text values': values('StringLike', (n) => `*${n}?*`),
  variables: values('StringLike', () => '${a:b}'),
  addresses: values('IpAddress', () => '::/0'),
  dates: values('DateLessThan', (n) => String(n)),
  'one long pattern': (count) => [
    { Effect: 'Allow', Action: '*', Resource: `arn:aws:s3:::*${'?a'.repeat(count * 4)}*` },
  ],
};

/** The largest document of each kind of content that fits each quota. */
export function largestLegal(): Legal[] {
  return quotas.flatMap(([quota, kind, limit]) =>
    Object.entries(fills).map(([fill, make]) => ({
      name: `${quota}: ${fill}`,
      kind,
      json: largest(make, kind, limit),
    })),
  );
}

function largest(make: Fill, kind: PolicyKind, limit: number): string {
  const json = (count: number): string =>
    documentOf(make(count).map((statement) => (kind === 'resource' ? { ...statement, ...everyone } : statement)));
  let [fits, tooMany] = [1, limit];
  while (tooMany - fits > 1) {
    const middle = (fits + tooMany) >>> 1;
    if (json(middle).length <= limit) fits = middle;
    else tooMany = middle;
  }
  return json(fits);
}

/** Patterns made to cost, in ten managed policies of full size and 50 statements, against values of 256 characters, each request another. */
export function hostileRequests(): AuthorizationRequest[] {
  const statement = (of: number): object => ({
    Effect: 'Allow',
    Action: '*',
    Resource: '*',
    Condition: {
      StringLike: { 'aws:UserAgent': Array.from({ length: 25 }, (_, n) => `*${'a?'.repeat(14)}b${of * 25 + n}*`) },
    },
  });
  const json = documentOf(Array.from({ length: 5 }, (_, n) => statement(n)));
  const identity = Array.from({ length: 10 }, (_, n) =>
    compilePolicy(json, { kind: 'identity', name: `hostile-${n}` }),
  );
  const account = '111122223333';
  return Array.from({ length: 10 }, (_, n) => ({
    ...{ action: 'kms:Encrypt', resource: '*', resourceAccount: account, identity, resourcePolicyDecides: false },
    principal: { arn: `arn:aws:iam::${account}:user/mallory`, account },
    values: contextValues({ 'aws:UserAgent': `${'a'.repeat(255)}${n}` }),
  }));
}
