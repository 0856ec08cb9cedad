import { KeysteadError } from '@keystead/errors';
import { parseIamArn } from '../domain/arn.js';
import { awsManagedPolicies } from '../domain/aws-managed-policies.js';
import type { ManagedPolicy, PolicyVersion } from '../domain/entities.js';
import { found, noPolicy, notAttachable, noVersion } from '../domain/not-found.js';
import type { IamStore } from '../store/iam-store.js';
import type { Caller } from './caller.js';

/** A managed policy of the account or of AWS. Throws NoSuchEntity. */
export async function managedPolicy(store: IamStore, arn: string): Promise<ManagedPolicy> {
  return found(awsManagedPolicies.get(arn)?.policy ?? (await store.policies.byArn(arn)), () => noPolicy(arn));
}

/** The same for attaching, with the sentence that AWS has there. */
export async function attachablePolicy(store: IamStore, arn: string): Promise<ManagedPolicy> {
  return found(awsManagedPolicies.get(arn)?.policy ?? (await store.policies.byArn(arn)), () => notAttachable(arn));
}

/** A managed policy that can be changed. AWS's own refuse every change, whatever the caller's policies say. */
export async function customerPolicy(
  store: IamStore,
  arn: string,
  { caller, action }: { caller: Caller; action: string },
): Promise<ManagedPolicy> {
  if (parseIamArn(arn)?.account === 'aws') {
    const who = caller.principal.arn;
    throw new KeysteadError(
      'AccessDenied',
      `User: ${who} is not authorized to perform: ${action} on resource: policy ${arn}`,
    );
  }
  return found(await store.policies.byArn(arn), () => noPolicy(arn));
}

/** One version of a managed policy. Throws NoSuchEntity. */
export async function policyVersion(store: IamStore, arn: string, number: number): Promise<PolicyVersion> {
  const policy = await managedPolicy(store, arn);
  const versions = await policyVersions(store, arn, policy);
  return found(
    versions.find((version) => version.number === number),
    () => noVersion(arn, number),
  );
}

/** All versions, newest first; of AWS's policies only the one in force is known here. */
export async function policyVersions(store: IamStore, arn: string, policy: ManagedPolicy): Promise<PolicyVersion[]> {
  const published = awsManagedPolicies.get(arn);
  return published ? [published.version] : store.policies.versions(policy.id);
}
