export { compileBundle, globalValues, policyPrincipal, type PrincipalPolicies } from './bundle.js';
export { compilePolicy, type CompiledPolicy, type CompiledStatement } from './compile.js';
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
export { accessDeniedMessage } from './message.js';
export type { PolicyPrincipal, PrincipalMatch } from './principals.js';
