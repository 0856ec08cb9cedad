import { KeysteadError } from '@keystead/errors';
import {
  compilePolicy,
  PolicyError,
  statementPositions,
  trace,
  type CompiledPolicy,
  type ContextLookup,
  type MatchedStatement,
  type PolicyKind,
  type PolicyOutcome,
  type PolicyPrincipal,
  type StatementPosition,
  type Trace,
} from '@keystead/policy';

/** Where a policy of a simulation comes from, in the words of AWS's model; "none" when the request brings it. */
export type SourceType = 'user' | 'group' | 'role' | 'aws-managed' | 'user-managed' | 'resource' | 'none';

/** A policy of a simulation. */
export interface Source {
  readonly id: string;
  readonly type: SourceType;
  readonly document: string;
}

/** Everything that a simulation decides by. */
export interface Scene {
  readonly identity: readonly SimulatedPolicy[];
  readonly boundary: SimulatedPolicy | undefined;
  readonly resource: SimulatedPolicy | undefined;
  readonly principal: PolicyPrincipal;
  readonly values: ContextLookup;
  /** The owner of what does not tell it in its ARN. */
  readonly resourceOwner: string;
}

/** A policy that is ready to decide, and able to say where its statements are. */
export interface SimulatedPolicy {
  readonly source: Source;
  readonly compiled: CompiledPolicy;
  readonly positions: readonly StatementPosition[];
}

export type SimulatedDecision = 'allowed' | 'explicitDeny' | 'implicitDeny';

/** A statement and where it stands. */
export interface SimulatedStatement extends StatementPosition {
  readonly source: Source;
}

/** What policies decide about one action on one resource. */
export interface Simulated {
  readonly decision: SimulatedDecision;
  readonly statements: readonly SimulatedStatement[];
  readonly missing: readonly string[];
  /** Undefined without a boundary. */
  readonly boundaryAllows: boolean | undefined;
  /** What each kind of policy decides by itself; empty within one account. */
  readonly details: Readonly<Record<string, SimulatedDecision>>;
}

const decisions: Readonly<Record<PolicyOutcome, SimulatedDecision>> = {
  Allow: 'allowed',
  ExplicitDeny: 'explicitDeny',
  ImplicitDeny: 'implicitDeny',
};

/** Prepares a policy. Errors: InvalidInput for a document that is none. */
export function simulatedPolicy(source: Source, kind: PolicyKind): SimulatedPolicy {
  // Names of compiled policies find the source of a statement again, so they hold its kind too.
  const name = `${kind} ${source.type} ${source.id}`;
  try {
    const compiled = compilePolicy(source.document, { kind, name });
    return { source, compiled, positions: statementPositions(source.document) };
  } catch (error) {
    if (error instanceof PolicyError) throw new KeysteadError('InvalidInput', `${source.id}: ${error.message}`);
    throw error;
  }
}

/** Decides one action on one resource, as the services would. */
export function simulate(scene: Scene, action: string, resource: string): Simulated {
  const owner = accountIn(resource) ?? scene.resourceOwner;
  // Without a resource policy the simulator asks what the identity may do by its own policies, wherever the resource lies.
  const resourceAccount = scene.resource ? owner : scene.principal.account;
  const found = trace({
    action,
    resource,
    resourceAccount,
    principal: scene.principal,
    values: scene.values,
    identity: scene.identity.map(({ compiled }) => compiled),
    boundary: scene.boundary?.compiled,
    resourcePolicy: scene.resource?.compiled,
    resourcePolicyDecides: scene.resource !== undefined && /^kms:/i.test(action),
  });
  return {
    decision: decisions[found.decision.effect],
    // What a boundary allows, AWS tells in a member of its own.
    statements: found.matched
      .filter(({ type, effect }) => type !== 'boundary' || effect === 'Deny')
      .flatMap((statement) => placeOf(scene, statement)),
    missing: found.missingContextKeys,
    boundaryAllows: scene.boundary && found.outcomes.boundary === 'Allow',
    details: resourceAccount === scene.principal.account ? {} : detailsOf(found),
  };
}

/** The owner that an ARN tells; undefined for S3's and for "*". */
function accountIn(resource: string): string | undefined {
  return /^arn:[^:]*:[^:]*:[^:]*:(\d{12}):/.exec(resource)?.[1];
}

function detailsOf({ outcomes }: Trace): Simulated['details'] {
  const details: Record<string, SimulatedDecision> = {
    'IAM Policy': decisions[outcomes.identity ?? 'ImplicitDeny'],
    'Resource Policy': decisions[outcomes.resource ?? 'ImplicitDeny'],
  };
  if (outcomes.boundary) details['Permissions Boundary Policy'] = decisions[outcomes.boundary];
  return details;
}

function placeOf({ identity, boundary, resource }: Scene, statement: MatchedStatement): SimulatedStatement[] {
  const all = [...identity, boundary, resource];
  const policy = all.find((one) => one?.compiled.name === statement.policy);
  const position = policy?.positions[statement.index];
  return policy && position ? [{ source: policy.source, ...position }] : [];
}

const strictest: readonly SimulatedDecision[] = ['explicitDeny', 'implicitDeny', 'allowed'];

/**
 * The decision about an action over all resources: the most restrictive one.
 * https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html
 */
export function overAll(results: readonly Simulated[]): Simulated {
  const decision = strictest.find((one) => results.some((result) => result.decision === one)) ?? 'implicitDeny';
  const deciding = results.filter((result) => result.decision === decision);
  const allow = results.map(({ boundaryAllows }) => boundaryAllows);
  return {
    decision,
    statements: distinct(deciding.flatMap(({ statements }) => statements)),
    missing: [...new Set(results.flatMap(({ missing }) => missing))],
    boundaryAllows: allow.includes(undefined) ? undefined : !allow.includes(false),
    details: deciding[0]?.details ?? {},
  };
}

function distinct(statements: readonly SimulatedStatement[]): SimulatedStatement[] {
  const key = ({ source, start }: SimulatedStatement) => `${source.type} ${source.id} ${start.line} ${start.column}`;
  return [...new Map(statements.map((statement) => [key(statement), statement])).values()];
}

/** Far beyond what a person asks; more would hold everybody up. */
const mostSteps = 500_000;

/** Refuses a simulation that would take seconds. Errors: InvalidInput. */
export function checkEffort(scene: Scene, actions: number, resources: number): void {
  const policies = [...scene.identity, scene.boundary, scene.resource];
  const statements = policies.reduce((sum, policy) => sum + (policy?.compiled.statements.length ?? 0), 1);
  if (statements * actions * resources <= mostSteps) return;
  throw new KeysteadError(
    'InvalidInput',
    'The simulation has too many actions, resources and statements: ask for less.',
  );
}

const ec2 = ['instance', 'image', 'security-group', 'network-interface'];

/** What each scenario of EC2 demands among the resources. */
const scenarios: Readonly<Record<string, readonly string[]>> = {
  'EC2-VPC-InstanceStore': ec2,
  'EC2-VPC-InstanceStore-Subnet': [...ec2, 'subnet'],
  'EC2-VPC-EBS': [...ec2, 'volume'],
  'EC2-VPC-EBS-Subnet': [...ec2, 'subnet', 'volume'],
};

/** Checks that the resources of a scenario are there. Errors: InvalidInput. */
export function checkScenario(option: string | undefined, resources: readonly string[]): void {
  if (option === undefined) return;
  const demanded = Object.hasOwn(scenarios, option) ? scenarios[option] : undefined;
  if (!demanded) throw new KeysteadError('InvalidInput', `Invalid ResourceHandlingOption: ${option.slice(0, 64)}`);
  for (const type of demanded) {
    if (resources.some((arn) => new RegExp(`^arn:[^:]*:ec2:[^:]*:[^:]*:${type}/`).test(arn))) continue;
    throw new KeysteadError('InvalidInput', `${option} needs a resource of type ${type}.`);
  }
}
