export { compileBundle, globalValues, policyPrincipal, sessionPolicies, type PrincipalPolicies } from './bundle.js';
export { compilePolicy, conditionsHold, type CompiledPolicy, type CompiledStatement } from './compile.js';
export { contextValues, type ContextLookup, type ContextRecord } from './context.js';
export { maximumCharacters, type PolicyKind } from './document.js';
export { PolicyError } from './error.js';
export {
  evaluate,
  type AuthorizationRequest,
  type DecidingStatement,
  type Decision,
  type PolicyType,
} from './evaluate.js';
export { contextKeysOf } from './context-keys.js';
export { warmUp } from './warm-up.js';
export { accessDeniedMessage } from './message.js';
export { statementPositions, type Position, type StatementPosition } from './positions.js';
export { isServicePrincipal, type PolicyPrincipal, type PrincipalMatch } from './principals.js';
export {
  trace,
  type MatchedStatement,
  type PolicyOutcome,
  type Trace,
  type TracedCondition,
  type TracedPolicy,
  type TracedStatement,
} from './trace.js';
