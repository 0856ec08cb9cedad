import { PrincipalType, type CallContext } from '@keystead/proto/common';
import { BundlePolicy_Source, type PrincipalBundle } from '@keystead/proto/iam';
import { compilePolicy, type CompiledPolicy } from './compile.js';
import type { ContextRecord } from './context.js';
import type { PolicyPrincipal } from './principals.js';

/** The compiled policies of one principal; made once for each bundle that iam-service sends. */
export interface PrincipalPolicies {
  readonly identity: readonly CompiledPolicy[];
  readonly boundary?: CompiledPolicy;
  /** The policies that AssumeRole was given for this session; none when it is not limited by any. */
  readonly session?: readonly CompiledPolicy[];
  /** aws:PrincipalTag */
  readonly tags: Readonly<Record<string, string>>;
}

/** Compiles a bundle. A stored policy that no longer compiles throws, so that its Deny is never lost. */
export function compileBundle(bundle: PrincipalBundle): PrincipalPolicies {
  const identity: CompiledPolicy[] = [];
  const session: CompiledPolicy[] = [];
  let boundary: CompiledPolicy | undefined;
  for (const { source, name, group, document } of bundle.policies) {
    if (source === BundlePolicy_Source.SOURCE_BOUNDARY) boundary = compilePolicy(document, { kind: 'boundary', name });
    else if (source === BundlePolicy_Source.SOURCE_SESSION)
      session.push(compilePolicy(document, { kind: 'session', name }));
    else identity.push(compilePolicy(document, { kind: 'identity', name: group === '' ? name : `${group}/${name}` }));
  }
  return {
    identity,
    tags: bundle.tags,
    ...(boundary === undefined ? {} : { boundary }),
    ...(session.length === 0 ? {} : { session }),
  };
}

/** The policies of a session: its issuer's, capped by its own. */
export function sessionPolicies(issuer: PrincipalPolicies, own: Pick<PrincipalPolicies, 'session'>): PrincipalPolicies {
  return own.session === undefined ? issuer : { ...issuer, session: own.session };
}

/** The caller as policies name it. Throws where the context has no principal: such a call must not get here. */
export function policyPrincipal(context: CallContext): PolicyPrincipal {
  const { principal, session } = context;
  if (principal === undefined) throw new Error('a call context without a principal');
  return {
    arn: principal.arn,
    account: principal.account,
    isRoot: principal.type === PrincipalType.PRINCIPAL_TYPE_ROOT,
    isService: principal.type === PrincipalType.PRINCIPAL_TYPE_SERVICE,
    ...(principal.uniqueId === '' ? {} : { uniqueId: principal.uniqueId }),
    ...(principal.type === PrincipalType.PRINCIPAL_TYPE_ASSUMED_ROLE && session ? { roleArn: session.issuerArn } : {}),
  };
}

const principalTypes: Record<number, string> = {
  [PrincipalType.PRINCIPAL_TYPE_ROOT]: 'Account',
  [PrincipalType.PRINCIPAL_TYPE_IAM_USER]: 'User',
  [PrincipalType.PRINCIPAL_TYPE_ASSUMED_ROLE]: 'AssumedRole',
};

/**
 * The global condition keys of a request.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
 */
export function globalValues(request: {
  context: CallContext;
  tags: Readonly<Record<string, string>>;
  now: Date;
  region: string;
}): ContextRecord {
  const { context, tags, now, region } = request;
  const { principal, session } = context;
  const values: Record<string, string | readonly string[] | undefined> = {
    'aws:CurrentTime': now.toISOString(),
    'aws:EpochTime': String(Math.floor(now.getTime() / 1000)),
    'aws:RequestedRegion': region,
    'aws:SecureTransport': String((context.tls?.version ?? '') !== ''),
    'aws:ViaAWSService': String(context.viaService !== ''),
    'aws:CalledVia': context.viaService === '' ? undefined : [`${context.viaService}.amazonaws.com`],
    'aws:CalledViaFirst': context.viaService === '' ? undefined : `${context.viaService}.amazonaws.com`,
    'aws:CalledViaLast': context.viaService === '' ? undefined : `${context.viaService}.amazonaws.com`,
    'aws:UserAgent': nonEmpty(context.userAgent),
    'aws:SourceIp': nonEmpty(context.sourceIp),
    'aws:PrincipalArn': session?.issuerArn || nonEmpty(principal?.arn),
    'aws:PrincipalAccount': nonEmpty(principal?.account),
    'aws:PrincipalType': principalTypes[principal?.type ?? 0],
    'aws:PrincipalIsAWSService': String(principal?.type === PrincipalType.PRINCIPAL_TYPE_SERVICE),
    'aws:userid': nonEmpty(principal?.uniqueId),
    'aws:username': nonEmpty(principal?.userName),
    'aws:TokenIssueTime': session === undefined ? undefined : new Date(Number(session.issuedAtMs)).toISOString(),
    // Only temporary credentials carry it; there is no MFA here.
    'aws:MultiFactorAuthPresent': session === undefined ? undefined : 'false',
    'aws:SourceIdentity': nonEmpty(session?.sourceIdentity),
    'aws:FederatedProvider': nonEmpty(session?.federatedProvider),
    ...session?.federatedClaims,
  };
  if (principal?.type === PrincipalType.PRINCIPAL_TYPE_SERVICE) values['aws:PrincipalServiceName'] = principal.arn;
  // The session's first: a tag of the role whose key differs in case only is another spelling of the same.
  for (const own of [session?.tags ?? {}, tags]) {
    for (const [key, value] of Object.entries(own)) values[`aws:PrincipalTag/${key}`] ??= value;
  }
  return values;
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
