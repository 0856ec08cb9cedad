import { type AuthorizationRequest, compilePolicy, contextValues } from '@keystead/policy';
import { documentOf } from './mixture.js';

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
