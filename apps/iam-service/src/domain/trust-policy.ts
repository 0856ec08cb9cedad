import { KeysteadError } from '@keystead/errors';
import { compilePolicy, isServicePrincipal, type CompiledPolicy } from '@keystead/policy';
import { compiled, documentText, malformed, policySize } from './documents.js';
import type { Trust } from './entities.js';
import { quotas } from './quotas.js';

const name = 'trust policy';

/** A trust policy as it was written, not bound yet. */
export interface WrittenTrust {
  readonly document: string;
  /** The AWS principals that it names, without "*". */
  readonly principals: readonly string[];
}

/**
 * Checks a trust policy as it is written; `field` as the wire calls it. Throws Validation, MalformedPolicyDocument,
 * LimitExceeded. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
 */
export function readTrustPolicy(field: string, document: string | undefined): WrittenTrust {
  const text = documentText(field, document);
  const quota = quotas.AssumeRolePolicySizeQuota;
  if (policySize(text) > quota)
    throw new KeysteadError('LimitExceeded', `Cannot exceed quota for ACLSizePerRole: ${quota}`);
  const { principals, services } = compiled(text, { kind: 'trust', name });
  for (const service of services) {
    if (isServicePrincipal(service)) continue;
    throw malformed(`Invalid principal in policy: "SERVICE":"${service.slice(0, 256)}"`);
  }
  for (const { actions, exempts } of statementsOf(text)) {
    if (exempts) throw malformed('Has prohibited field NotPrincipal');
    if (!actions.every((action) => /^sts:/i.test(action)))
      throw malformed('AssumeRole policy may only specify STS AssumeRole actions.');
  }
  return { document: text, principals };
}

interface Statement {
  Action?: string | string[];
  NotAction?: string | string[];
  NotPrincipal?: unknown;
}

/** The document has been compiled: its shape is sound. A statement without an action would do nothing, and IAM refuses it. */
function statementsOf(text: string): { actions: string[]; exempts: boolean }[] {
  const { Statement: written } = JSON.parse(text) as { Statement: Statement | Statement[] };
  return [written].flat().map(({ Action, NotAction, NotPrincipal }) => {
    const actions = Action ?? NotAction;
    if (actions === undefined) throw malformed('Missing required field Action');
    return { actions: [actions].flat(), exempts: NotPrincipal !== undefined };
  });
}

/** A trust policy that leaves everything to the policies of an account. */
export function trustInAccount(account: string): CompiledPolicy {
  const statement = { Effect: 'Allow', Principal: { AWS: account }, Action: 'sts:*' };
  return compilePolicy(JSON.stringify({ Statement: statement }), { kind: 'trust', name });
}

/** Users, roles and sessions have unique ids; accounts and bare ids are what they are. */
const withUniqueId = /^arn:aws:(iam::\d{12}:(user|role)\/|sts::\d{12}:assumed-role\/)/;

/** Binds a trust policy to the principals that exist now, by what was asked. Throws MalformedPolicyDocument. */
export function bindTrust({ document, principals }: WrittenTrust, found: ReadonlyMap<string, string>): Trust {
  const bound: Record<string, string> = {};
  for (const principal of principals) {
    const uniqueId = found.get(principal);
    if (uniqueId === undefined) throw malformed(`Invalid principal in policy: "AWS":"${principal}"`);
    if (withUniqueId.test(principal)) bound[principal] = uniqueId;
  }
  return { document, principals: bound };
}

/** The policy as it is evaluated: with unique ids in place of ARNs. */
export function compileTrust({ document, principals }: Trust): CompiledPolicy {
  return compilePolicy(document, { kind: 'trust', name, bound: principals });
}

/** The policy as it is shown: a principal that is gone appears as the unique id to which the trust still holds. */
export function shownTrust({ document, principals }: Trust, exists: (uniqueId: string) => boolean): string {
  const gone = Object.entries(principals).filter(([, id]) => !exists(id));
  return gone.reduce((text, [arn, id]) => text.replaceAll(JSON.stringify(arn), JSON.stringify(id)), document);
}
