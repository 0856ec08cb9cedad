import { KeysteadError } from '@keystead/errors';
import type { GrantListEntry } from '@keystead/proto/kms';
import type { Grant, GrantConstraint } from '../../domain/grant.js';
import { keyArn } from '../../domain/key.js';
import type { Page } from '../../domain/paging.js';

/** AWS's default and largest page of grants, less than its API model's. */
export const grantPage = { default: 50, max: 100 };

/** A grant in a list. */
export function grantEntry(region: string, grant: Grant): GrantListEntry {
  const { equals, subset } = grant.constraint;
  const constraints = {
    encryptionContextEquals: equals && { pairs: { ...equals } },
    encryptionContextSubset: subset && { pairs: { ...subset } },
    sourceArn: undefined,
  };
  return {
    keyId: keyArn(region, grant.account, grant.keyId),
    grantId: grant.id,
    name: grant.name ?? undefined,
    creationDateMs: BigInt(grant.createdAt.getTime()),
    granteePrincipal: grant.grantee,
    retiringPrincipal: grant.retiring ?? undefined,
    issuingAccount: `arn:aws:iam::${grant.issuingAccount}:root`,
    operations: [...grant.operations],
    constraints: equals || subset ? constraints : undefined,
  };
}

/** A page of grants. */
export function grantList(region: string, { items, nextMarker }: Page<Grant>) {
  const grants = items.map((grant) => grantEntry(region, grant));
  return { grants, nextMarker, truncated: nextMarker !== undefined };
}

/** A constraint in the words of AWS's requests, for the record. */
export function recordedConstraint({ equals, subset }: GrantConstraint) {
  return {
    ...(equals && { encryptionContextEquals: { ...equals } }),
    ...(subset && { encryptionContextSubset: { ...subset } }),
  };
}

/** Errors: UnsupportedOperation for parameters of grants to AWS services. */
export function requireNoServicePrincipal(members: Readonly<Record<string, string | undefined>>): void {
  for (const [member, value] of Object.entries(members))
    if (value !== undefined)
      throw new KeysteadError('UnsupportedOperation', `${member} is not offered: no AWS service is here.`);
}
