import type { Call, Result } from '@keystead/proto/iam-query';
import { IamServiceService, type IamServiceServer } from '@keystead/proto/iam';
import { byCase, pipeline, type CaseTable, type PipelineCall } from '@keystead/service';
import { execute, type Environment } from './execute.js';
import type { Operation } from './operation.js';
import * as absent from './operations/absent.js';
import {
  createAccessKey,
  deleteAccessKey,
  getAccessKeyLastUsed,
  listAccessKeys,
  updateAccessKey,
} from './operations/access-keys.js';
import * as account from './operations/account.js';
import { assumeRole } from './operations/assume-role.js';
import { assumeRoleWithWebIdentity } from './operations/web-identity.js';
import * as attachments from './operations/attachments.js';
import * as authorizationMessages from './operations/authorization-messages.js';
import * as authorizationDetails from './operations/authorization-details.js';
import * as boundaries from './operations/boundaries.js';
import * as groups from './operations/groups.js';
import * as inlinePolicies from './operations/inline-policies.js';
import * as instanceProfiles from './operations/instance-profiles.js';
import * as memberships from './operations/memberships.js';
import * as oidcProviders from './operations/oidc-providers.js';
import * as policies from './operations/policies.js';
import * as policyVersions from './operations/policy-versions.js';
import * as simulation from './operations/simulation.js';
import * as roles from './operations/roles.js';
import * as serviceLinkedRoles from './operations/service-linked-roles.js';
import * as sessionToken from './operations/session-token.js';
import * as sts from './operations/sts.js';
import * as users from './operations/users.js';

type Asked = NonNullable<Call['operation']>;
type Answered = NonNullable<Result['outcome']>;
type Case = Asked['$case'];
type RequestOf<C extends Case> = Extract<Asked, { $case: C }>['value'];
type ResponseOf<C extends Case> = Extract<Answered, { $case: C }>['value'];

/** Every operation by its case; one that is missing, or that answers something else, does not compile. */
const operations: { readonly [C in Case]: Operation<RequestOf<C>, ResponseOf<C>> } = {
  ...users,
  ...groups,
  ...memberships,
  ...{ createAccessKey, deleteAccessKey, getAccessKeyLastUsed, listAccessKeys, updateAccessKey },
  ...absent,
  ...policies,
  ...policyVersions,
  ...attachments,
  ...inlinePolicies,
  ...account,
  ...simulation,
  ...authorizationDetails,
  ...roles,
  ...serviceLinkedRoles,
  ...boundaries,
  ...instanceProfiles,
  ...oidcProviders,
  ...authorizationMessages,
  ...sts,
  ...sessionToken,
  assumeRole,
  assumeRoleWithWebIdentity,
};

/** Executes any operation by its case. */
export function handleQuery(environment: Environment) {
  const table = Object.fromEntries(
    Object.entries(operations).map(([name, operation]) => [
      name,
      (request: object, call: PipelineCall) =>
        execute(environment, operation as unknown as Operation<object, object>, request, call),
    ]),
  ) as unknown as CaseTable<Asked, Answered>;
  return byCase<Asked, Answered>(table);
}

/** IAM's and STS's operations on the coalescing stream, for edge only: it alone may say who calls. */
export function queryPipeline(environment: Environment): IamServiceServer['pipeline'] {
  return pipeline<Asked, Answered>({
    method: IamServiceService.pipeline,
    handle: handleQuery(environment),
    allow: (peer) => peer.kind === 'service' && peer.name === 'edge',
  });
}
