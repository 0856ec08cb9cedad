import { KeysteadError } from '@keystead/errors';
import { parseIamArn } from '../domain/arn.js';
import type { EntityKind, Holder } from '../domain/entities.js';
import { policyArn as anyArn } from '../domain/fields.js';
import type { Source } from '../domain/simulation.js';
import { theGroup, theRole, theUser } from './find.js';
import { holderTarget } from './holders.js';
import { managedPolicy, policyVersion } from './managed-policy.js';
import type { Target, Work } from './operation.js';

/** Whose policies are asked about. */
export interface PolicySource {
  readonly kind: EntityKind;
  readonly name: string;
  readonly arn: string;
}

/** Reads PolicySourceArn. Errors: InvalidInput for what has no policies, NoSuchEntity for another account's. */
export function policySource(value: string, account: string): PolicySource {
  const named = parseIamArn(value);
  if (named?.type !== 'user' && named?.type !== 'group' && named?.type !== 'role') {
    throw new KeysteadError(
      'InvalidInput',
      `Invalid Entity Arn: ${value.slice(0, 256)} does not clearly define entity type and name.`,
    );
  }
  if (named.account !== account) throw noSuch(value);
  return { kind: named.type, name: named.name, arn: value };
}

const noSuch = (arn: string) => new KeysteadError('NoSuchEntity', `No entity found with the specified ARN: ${arn}`);

export function sourceTarget(source: PolicySource, work: Work): Promise<Target> {
  return holderTarget(source, work);
}

/** Everything that decides what an entity may do by itself. */
export interface SourcePolicies {
  readonly identity: readonly Source[];
  readonly boundary: Source | undefined;
}

/** The policies of a user with its groups', of a group, or of a role. Errors: NoSuchEntity. */
export async function sourcePolicies(work: Work, source: PolicySource): Promise<SourcePolicies> {
  if (source.kind === 'group') {
    const { id, name } = await theGroup(work, source.name);
    return { identity: await policiesOf(work, { kind: 'group', id, name }), boundary: undefined };
  }
  if (source.kind === 'role') {
    const { id, name, boundaryArn } = await theRole(work, source.name);
    return {
      identity: await policiesOf(work, { kind: 'role', id, name }),
      boundary: await boundaryOf(work, boundaryArn),
    };
  }
  const user = await theUser(work, source.name);
  const own = await policiesOf(work, { kind: 'user', id: user.id, name: user.name });
  const groups = await work.store.groups.ofUser(user.id, { limit: 1_000, after: '' });
  const inherited: Source[] = [];
  for (const { id, name } of groups) inherited.push(...(await policiesOf(work, { kind: 'group', id, name })));
  return { identity: [...own, ...inherited], boundary: await boundaryOf(work, user.boundaryArn) };
}

async function boundaryOf(work: Work, arn: string | undefined): Promise<Source | undefined> {
  return arn === undefined ? undefined : managed(work, arn);
}

async function policiesOf(work: Work, holder: Holder): Promise<Source[]> {
  const { holdings } = work.store;
  const inline = (await holdings.inlineOf(holder)).map(({ name, document }) => {
    const id = `${holder.kind}_${holder.name}_${name}`;
    return { id, type: holder.kind, document };
  });
  const attached: Source[] = [];
  for (const arn of await holdings.attachedTo(holder)) attached.push(await managed(work, arn));
  return [...inline, ...attached];
}

async function managed({ store }: Work, arn: string): Promise<Source> {
  const { name, account, defaultVersion } = await managedPolicy(store, anyArn(arn));
  const { document } = await policyVersion(store, arn, defaultVersion);
  return { id: name, type: account === 'aws' ? 'aws-managed' : 'user-managed', document };
}
