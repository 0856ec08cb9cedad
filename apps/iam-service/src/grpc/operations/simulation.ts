import { setImmediate } from 'node:timers/promises';
import { KeysteadError } from '@keystead/errors';
import { contextKeysOf, type PolicyPrincipal } from '@keystead/policy';
import type * as wire from '@keystead/proto/iam-query';
import { parseIamArn } from '../../domain/arn.js';
import { simulatedValues } from '../../domain/context-entries.js';
import { documentText } from '../../domain/documents.js';
import { constraint, present } from '../../domain/fields.js';
import { pageOf, readPage, type Page } from '../../domain/paging.js';
import {
  checkEffort,
  checkScenario,
  overAll,
  simulate,
  simulatedPolicy,
  type Scene,
  type Simulated,
  type SimulatedStatement,
  type Source,
} from '../../domain/simulation.js';
import { reads, type Work } from '../operation.js';
import {
  policySource,
  sourcePolicies,
  sourceTarget,
  type PolicySource,
  type SourcePolicies,
} from '../source-policies.js';
import { accountTarget } from '../targets.js';

type Asked = Omit<wire.SimulateCustomPolicyRequest, 'policyInputList'> & { readonly policyInputList: string[] };

/** A simulation as it was asked for, its fields checked. */
interface Plan {
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly input: readonly Source[];
  readonly boundary: Source | undefined;
  readonly resourcePolicy: Source | undefined;
  readonly caller: PolicyPrincipal | undefined;
  readonly resourceOwner: string | undefined;
  readonly values: Scene['values'];
  readonly page: Page;
}

const given =
  (name: string) =>
  (document: string, index: number): Source => {
    return { id: `${name}.${index + 1}`, type: 'none', document: documentText(lower(name), document) };
  };

const lower = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);

function readPlan(request: Asked): Plan {
  const { resourceArns, resourcePolicy, contextEntries, resourceHandlingOption } = request;
  const resources = resourceArns.length === 0 ? ['*'] : resourceArns.map(resourceName);
  checkScenario(resourceHandlingOption, resources);
  const boundaries = request.permissionsBoundaryPolicyInputList.map(given('PermissionsBoundaryPolicyInputList'));
  if (boundaries.length > 1) throw invalid('At most one permissions boundary policy can be simulated.');
  return {
    actions: actionNames(request.actionNames),
    resources,
    input: request.policyInputList.map(given('PolicyInputList')),
    boundary: boundaries[0],
    resourcePolicy:
      resourcePolicy === undefined
        ? undefined
        : { id: 'ResourcePolicy', type: 'resource', document: documentText('resourcePolicy', resourcePolicy) },
    caller: request.callerArn === undefined ? undefined : callerOf(request.callerArn),
    resourceOwner: request.resourceOwner === undefined ? undefined : ownerOf(request.resourceOwner),
    values: simulatedValues(contextEntries),
    page: readPage(request),
  };
}

function actionNames(names: readonly string[]): readonly string[] {
  if (names.length === 0) throw constraint('actionNames', null, 'not be null');
  for (const name of names) {
    if (name.length > 128 || !/^[A-Za-z0-9-]+:[A-Za-z0-9]+$/.test(name))
      throw invalid(`Invalid action name: ${name.slice(0, 128)}`);
  }
  return [...new Set(names)];
}

function resourceName(arn: string): string {
  if (arn.length > 2048)
    throw constraint('resourceArns', `${arn.slice(0, 128)}…`, 'have length less than or equal to 2048');
  if (arn === '*' || /^arn:[^:]+:[^:]+:[^:]*:[^:]*:.+$/s.test(arn)) return arn;
  throw invalid(`Invalid resource ARN: ${arn.slice(0, 256)}`);
}

function callerOf(arn: string): PolicyPrincipal {
  const named = parseIamArn(arn);
  if (named?.type === 'user') return { arn, account: named.account };
  throw invalid(`Invalid CallerArn: ${arn.slice(0, 256)} is not the ARN of an IAM user.`);
}

function ownerOf(value: string): string {
  const account = /^(?:arn:aws:iam::)?(\d{12})(?::root)?$/.exec(value)?.[1];
  if (account === undefined) throw invalid(`Invalid ResourceOwner: ${value.slice(0, 256)}`);
  return account;
}

export const simulateCustomPolicy = reads('iam:SimulateCustomPolicy', {
  check: (request: wire.SimulateCustomPolicyRequest) => {
    if (request.policyInputList.length === 0) throw constraint('policyInputList', null, 'not be null');
    return readPlan(request);
  },
  target: (_, { caller }) => accountTarget(caller.account),
  run: (plan, work) => evaluated(plan, work, { identity: [], boundary: undefined }, undefined),
});

export const simulatePrincipalPolicy = reads('iam:SimulatePrincipalPolicy', {
  check: (request: wire.SimulatePrincipalPolicyRequest, caller) => ({
    source: policySource(present('policySourceArn', request.policySourceArn), caller.account),
    plan: readPlan(request),
  }),
  target: ({ source }, work) => sourceTarget(source, work),
  run: async ({ source, plan }, work) => evaluated(plan, work, await sourcePolicies(work, source), source),
});

async function evaluated(plan: Plan, work: Work, policies: SourcePolicies, source: PolicySource | undefined) {
  const { resources, page } = plan;
  const scene = sceneOf(plan, work, policies, source);
  const { items, ...rest } = pageOf(
    plan.actions.map((action, index) => ({ action, key: String(index).padStart(5, '0') })),
    page,
    ({ key }) => key,
  );
  checkEffort(scene, items.length, resources.length);
  const evaluationResults: wire.EvaluationResult[] = [];
  for (const { action } of items) {
    evaluationResults.push(resultOf(scene, action, resources));
    // Others wait for this process too.
    await setImmediate();
  }
  return { evaluationResults, ...rest };
}

function sceneOf(plan: Plan, { caller }: Work, policies: SourcePolicies, source: PolicySource | undefined): Scene {
  const boundary = plan.boundary ?? policies.boundary;
  const principal = plan.caller ?? (source?.kind === 'user' ? callerOf(source.arn) : undefined);
  if (plan.resourcePolicy && source?.kind === 'role')
    throw invalid('Simulation of resource-based policies is not supported for IAM roles.');
  if (plan.resourcePolicy && !principal) throw invalid('A CallerArn is required when a ResourcePolicy is given.');
  const { account } = caller;
  return {
    identity: [...policies.identity, ...plan.input].map((one) => simulatedPolicy(one, 'identity')),
    boundary: boundary && simulatedPolicy(boundary, 'boundary'),
    resource: plan.resourcePolicy && simulatedPolicy(plan.resourcePolicy, 'resource'),
    principal: principal ?? { arn: '', account },
    values: plan.values,
    resourceOwner: plan.resourceOwner ?? principal?.account ?? account,
  };
}

function resultOf(scene: Scene, action: string, resources: readonly string[]): wire.EvaluationResult {
  const single = resources.map((resource) => ({ resource, result: simulate(scene, action, resource) }));
  const all = overAll(single.map(({ result }) => result));
  const specific = single.filter(({ resource }) => resource !== '*');
  return {
    evalActionName: action,
    evalResourceName: (resources.length === 1 ? resources[0] : undefined) ?? '*',
    evalDecision: all.decision,
    ...details(all),
    resourceSpecificResults: specific.map(({ resource, result }) => {
      return { evalResourceName: resource, evalResourceDecision: result.decision, ...details(result) };
    }),
  };
}

function details({ statements, missing, boundaryAllows, details }: Simulated) {
  return {
    matchedStatements: statements.map(wireStatement),
    missingContextValues: [...missing],
    permissionsBoundaryDecisionDetail:
      boundaryAllows === undefined ? undefined : { allowedByPermissionsBoundary: boundaryAllows },
    evalDecisionDetails: { ...details },
  };
}

function wireStatement({ source, start, end }: SimulatedStatement): wire.Statement {
  return { sourcePolicyId: source.id, sourcePolicyType: source.type, startPosition: start, endPosition: end };
}

export const getContextKeysForCustomPolicy = reads('iam:GetContextKeysForCustomPolicy', {
  check: ({ policyInputList }: wire.GetContextKeysForCustomPolicyRequest) => {
    if (policyInputList.length === 0) throw constraint('policyInputList', null, 'not be null');
    return policyInputList.map(given('PolicyInputList'));
  },
  target: (_, { caller }) => accountTarget(caller.account),
  run: async (sources) => ({ contextKeyNames: keysOf(sources) }),
});

export const getContextKeysForPrincipalPolicy = reads('iam:GetContextKeysForPrincipalPolicy', {
  check: (request: wire.GetContextKeysForPrincipalPolicyRequest, caller) => ({
    source: policySource(present('policySourceArn', request.policySourceArn), caller.account),
    input: request.policyInputList.map(given('PolicyInputList')),
  }),
  target: ({ source }, work) => sourceTarget(source, work),
  run: async ({ source, input }, work) => {
    const { identity, boundary } = await sourcePolicies(work, source);
    return { contextKeyNames: keysOf([...identity, ...(boundary ? [boundary] : []), ...input]) };
  },
});

function keysOf(sources: readonly Source[]): string[] {
  const keys = new Map<string, string>();
  for (const source of sources) {
    // Prepared first, for its error; the documents have no principals or may have them.
    const kind = /"(Not)?Principal"\s*:/.test(source.document) ? 'resource' : 'identity';
    simulatedPolicy(source, kind);
    for (const key of contextKeysOf(source.document, kind))
      if (!keys.has(key.toLowerCase())) keys.set(key.toLowerCase(), key);
  }
  return [...keys.values()];
}

const invalid = (message: string): KeysteadError => new KeysteadError('InvalidInput', message);
