import { randomBytes } from 'node:crypto';
import { KeysteadError } from '@keystead/errors';
import type { CreateGrantRequest, CreateGrantResponse } from '@keystead/proto/kms';
import {
  constraintContext,
  requireGrantable,
  requireRoomForGrant,
  type Grant,
  type GrantConstraint,
} from '../../domain/grant.js';
import { boundPrincipal } from '../../domain/grant-principal.js';
import { keyNotFound } from '../../domain/identifier.js';
import type { Key } from '../../domain/key.js';
import { requireState } from '../../domain/state.js';
import { validationError } from '../../domain/validation.js';
import { commitRecorded, type Operation } from '../execute.js';
import type { KmsCall } from '../kms-call.js';
import { endDryRun } from './encryption.js';
import { recordedConstraint, requireNoServicePrincipal } from './grants.js';

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateGrant.html */
export const createGrant: Operation<CreateGrantRequest, CreateGrantResponse> = {
  name: 'CreateGrant',
  parameters: (request) => ({
    ...{ keyId: request.keyId ?? '', granteePrincipal: request.granteePrincipal ?? '' },
    ...(request.retiringPrincipal === undefined ? {} : { retiringPrincipal: request.retiringPrincipal }),
    ...(request.constraints ? { constraints: recordedConstraint(constraintOf(request)) } : {}),
    operations: request.operations,
    ...(request.name === undefined ? {} : { name: request.name }),
    ...(request.dryRun === undefined ? {} : { dryRun: request.dryRun }),
  }),
  async run(request, call) {
    const wanted = wantedOf(request);
    const { grantee, retiring, operations, constraint } = wanted;
    const facts = {
      ...{ grant: wanted, grantConstraint: constraint, encryptionContext: constraintContext(constraint) },
      grantIsForAWSResource: call.isForwarded,
    };
    const { key } = await call.manage(request.keyId ?? '', { action: 'kms:CreateGrant', facts });
    requireState('CreateGrant', key);
    requireGrantable(key, operations, constraint);
    const named = [grantee, ...(retiring === null ? [] : [retiring])];
    const found = await call.environment.principals.existing(named);
    const bound = {
      granteeId: boundPrincipal(grantee, found),
      retiringId: retiring === null ? null : boundPrincipal(retiring, found),
    };
    endDryRun(request.dryRun);
    const { grant, grantToken } = await save(request, call, key, { ...wanted, ...bound });
    return { grantToken, grantId: grant.id };
  },
};

type Wanted = Pick<Grant, 'grantee' | 'retiring' | 'operations' | 'constraint' | 'name'>;

/** Makes the grant, or finds the one that was made by the same request before. */
async function save(
  request: CreateGrantRequest,
  call: KmsCall,
  { account, id: keyId, arn }: Key,
  wanted: Wanted & Pick<Grant, 'granteeId' | 'retiringId'>,
): Promise<{ grant: Grant; grantToken: string }> {
  const fresh: Grant = {
    ...{ ...wanted, account, keyId, id: randomBytes(32).toString('hex') },
    ...{ createdAt: call.at, issuingAccount: call.account },
  };
  // Before the change: a grant whose maker is told of a failure must not be there.
  const grantToken = await call.environment.grantTokens.make(fresh);
  const grant = await commitRecorded(createGrant, request, call, async (change) => {
    const stored = await change.lock(account, keyId);
    if (!stored) throw keyNotFound(call.environment.region, account, keyId);
    requireState('CreateGrant', stored.key);
    const same = await change.sameGrant(fresh);
    if (!same) {
      requireRoomForGrant(stored.key, await change.countGrants(account, keyId));
      await change.insertGrant(fresh);
    }
    call.notes = { responseElements: { grantId: (same ?? fresh).id, keyId: arn } };
    return same ?? fresh;
  });
  return grant === fresh
    ? { grant, grantToken }
    : { grant, grantToken: await call.environment.grantTokens.make(grant) };
}

/** Errors: UnsupportedOperation, Validation. */
function wantedOf(request: CreateGrantRequest): Wanted {
  const { granteeServicePrincipal, retiringServicePrincipal, constraints, granteePrincipal } = request;
  requireNoServicePrincipal({
    GranteeServicePrincipal: granteeServicePrincipal,
    RetiringServicePrincipal: retiringServicePrincipal,
  });
  if (constraints?.sourceArn !== undefined)
    throw new KeysteadError('UnsupportedOperation', 'The grant constraint SourceArn is not offered.');
  if (granteePrincipal === undefined)
    throw validationError(["Value null at 'granteePrincipal' failed to satisfy constraint: Member must not be null"]);
  return {
    ...{ grantee: granteePrincipal, retiring: request.retiringPrincipal ?? null, name: request.name ?? null },
    operations: [...new Set(request.operations)].sort(),
    constraint: constraintOf(request),
  };
}

function constraintOf({ constraints }: CreateGrantRequest): GrantConstraint {
  const { encryptionContextEquals: equals, encryptionContextSubset: subset } = constraints ?? {};
  return { ...(equals && { equals: equals.pairs }), ...(subset && { subset: subset.pairs }) };
}
