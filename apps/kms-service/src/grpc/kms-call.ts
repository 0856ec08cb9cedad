import { newEventId, type Json, type RecordResource } from '@keystead/audit';
import { KeysteadError } from '@keystead/errors';
import {
  globalValues,
  contextValues,
  policyPrincipal,
  sessionPolicies,
  type ContextLookup,
  type Decision,
  type PolicyPrincipal,
  type PrincipalPolicies,
} from '@keystead/policy';
import { PrincipalType, type CallContext } from '@keystead/proto/common';
import {
  accessDenied,
  byRetirement,
  decide,
  decideGranted,
  foreignKeyDenied,
  type Question,
} from '../domain/authorization.js';
import { kmsValues, type KeyFacts, type RequestFacts } from '../domain/conditions.js';
import { readingsOf } from '../domain/readings.js';
import { constraintContext, type Grant } from '../domain/grant.js';
import { namesOf } from '../domain/grant-principal.js';
import {
  aliasNotFound,
  keyNotFound,
  parseIdentifier,
  parseKeyIdentifier,
  type Identifier,
} from '../domain/identifier.js';
import { aliasArn, keyArn, s3ManagedAlias, serviceAccount, type Key } from '../domain/key.js';
import type { Author } from '../domain/key-policy.js';
import { daysWithoutUse } from '../domain/last-usage.js';
import type { LoadedKey } from '../domain/loaded-key.js';
import { serviceAllowed } from '../domain/service-principal.js';
import type { OperationName } from '../domain/constraints.js';
import type { Environment } from './environment.js';

/** Members of the record that an operation adds. */
export interface Notes {
  readonly responseElements?: Record<string, Json>;
  readonly additionalEventData?: Record<string, Json>;
}

/** What a question about a key starts from. */
interface About {
  readonly action: string;
  readonly facts?: RequestFacts;
}

/** A session without policies of its own. */
const unlimited: PrincipalPolicies = { identity: [], tags: {} };

/** A key and the alias by which it was named. */
export interface Located {
  readonly account: string;
  readonly id: string;
  readonly requestAlias?: string | undefined;
}

/** One call of one operation: who, when, and what the record will say. */
export class KmsCall {
  readonly environment: Environment;
  readonly operation: OperationName;
  readonly context: CallContext;
  /** The one time of the call; nothing below asks a clock. */
  readonly at: Date;
  readonly eventId: string;
  readonly principal: PolicyPrincipal;
  /** The keys and aliases that the record names. */
  readonly resources: RecordResource[] = [];
  notes: Notes = {};
  /** True once the record is committed with a change. */
  recorded = false;
  #otherEventIds: Map<string, string> | undefined;
  #policies: PrincipalPolicies | undefined;
  #globals: ContextLookup | undefined;

  constructor(environment: Environment, operation: OperationName, context: CallContext) {
    this.environment = environment;
    this.operation = operation;
    this.context = context;
    this.at = environment.now();
    this.eventId = newEventId(this.at);
    this.principal = policyPrincipal(context);
  }

  /** The id of the record in an account's log: each copy has its own. */
  eventIdIn(account: string): string {
    if (account === this.account) return this.eventId;
    const others = (this.#otherEventIds ??= new Map<string, string>());
    const id = others.get(account) ?? newEventId(this.at);
    others.set(account, id);
    return id;
  }

  /**
   * Whole days since the last use of the key that DisableKey or ScheduleKeyDeletion names; undefined for another
   * account's, with which neither works. Errors: InvalidArn, NotFound.
   */
  async daysWithoutUse(text: string): Promise<number | undefined> {
    const { account, id } = parseKeyIdentifier(text, this.#place);
    const known = account === this.account ? await this.environment.lastUsage(account, id) : undefined;
    return known && daysWithoutUse(known, this.at);
  }

  /** Notes that the keys of this call were used. */
  noteUse(): void {
    const { at, operation, context } = this;
    for (const { arn, accountId: account, type } of this.resources) {
      if (type !== 'AWS::KMS::Key' || account === undefined) continue;
      const keyId = arn.slice(arn.lastIndexOf('/') + 1);
      const eventId = this.eventIdIn(account);
      this.environment.keyUses.note({ operation, at, eventId, requestId: context.requestId, account, keyId });
    }
  }

  /** True for a service acting for itself: authorized by the fixed table, and not an event. */
  get isService(): boolean {
    return this.context.principal?.type === PrincipalType.PRINCIPAL_TYPE_SERVICE;
  }

  /** The caller's account; a service's keys lie in an account of their own. */
  get account(): string {
    return this.isService ? serviceAccount : this.principal.account;
  }

  get #place(): { region: string; account: string } {
    return { region: this.environment.region, account: this.account };
  }

  /** Finds the key that an id, ARN or alias names, without authorizing anything. Errors: AccessDenied, InvalidArn, NotFound. */
  async locate(text: string, action: string): Promise<Located> {
    const identifier = parseIdentifier(text, this.#place);
    if (identifier.kind === 'key') return identifier;
    const { account, name } = identifier;
    return { account, id: await this.#aliasTarget(identifier, action), requestAlias: name };
  }

  /** Finds and authorizes the key that an id, ARN or alias names. Errors: AccessDenied, InvalidArn, NotFound. */
  async use(text: string, about: About): Promise<LoadedKey> {
    return this.useKey(await this.locate(text, about.action), about);
  }

  /** The same for operations that take no alias. Errors: AccessDenied, InvalidArn, NotFound. */
  async manage(text: string, { action, facts = {} }: About): Promise<LoadedKey> {
    const { account, id } = parseKeyIdentifier(text, this.#place);
    return this.#authorized(account, id, action, facts);
  }

  /** Authorizes a key that was located, or to which a ciphertext led. Errors: AccessDenied, NotFound. */
  async useKey({ account, id, requestAlias }: Located, { action, facts = {} }: About): Promise<LoadedKey> {
    return this.#authorized(account, id, action, requestAlias === undefined ? facts : { ...facts, requestAlias });
  }

  /**
   * Authorizes RetireGrant: the retiring principal, the grantee if the grant says so, and whom the key's owner or a
   * retiring account lets by its own policies; the key policy has no say. Errors: AccessDenied, NotFound.
   */
  async retire({ account, keyId }: { account: string; keyId: string }, grant: Grant | undefined): Promise<Key> {
    const { directory, region } = this.environment;
    const action = 'kms:RetireGrant';
    const loaded = await directory.key(account, keyId);
    const isForeign = account !== this.account;
    if (!loaded || this.#hidden(loaded.key) || (isForeign && !grant)) {
      const arn = keyArn(region, account, keyId);
      throw isForeign ? await this.#refusedForeign(action, arn) : keyNotFound(region, account, keyId);
    }
    const { key } = loaded;
    if (!isForeign) this.#name(key);
    if (!grant) return key;
    const facts = { encryptionContext: constraintContext(grant.constraint), grantConstraint: grant.constraint };
    const asked = { action, resource: key.arn, account, readings: await this.#readings(facts, loaded) };
    await this.#decide(asked, key.arn, (question) => Promise.resolve(byRetirement(question, grant)));
    this.#name(key);
    return key;
  }

  /** True when a service asks in its caller's name. */
  get isForwarded(): boolean {
    return this.context.viaService !== '';
  }

  /** Authorizes what has no key behind it: CreateKey, ListKeys, ListAliases, GenerateRandom. Errors: AccessDenied. */
  async authorizeAccount(
    action: string,
    { facts = {}, resource = '*', about }: { facts?: RequestFacts; resource?: string; about?: KeyFacts } = {},
  ): Promise<void> {
    if (this.isService) this.#authorizeService([], resource);
    else await this.#decide({ action, resource, account: this.account, readings: await this.#readings(facts, about) });
  }

  /** An alias of the caller's account as a resource of identity policies. Errors: AccessDenied. */
  async authorizeAlias(action: string, name: string): Promise<void> {
    const resource = aliasArn(this.environment.region, this.account, name);
    this.resources.push({ arn: resource, accountId: this.account, type: 'AWS::KMS::Alias' });
    await this.authorizeAccount(action, { resource });
  }

  /** The caller as the author of a key policy. */
  async author(arn: string, about: KeyFacts): Promise<Author> {
    const readings = await this.#readings({}, about);
    const { principal } = this;
    return { principal, policies: await this.#callerPolicies(), readings, resource: arn, account: about.key.account };
  }

  /** The condition keys of this call, once for each way to read them. */
  async #readings(facts: RequestFacts, about: KeyFacts | undefined): Promise<ContextLookup[]> {
    const tags = (await this.#callerPolicies()).tags;
    const caller = { account: this.principal.account, viaService: this.#viaService() };
    const { region } = this.environment;
    const globals = (): ContextLookup =>
      (this.#globals ??= contextValues(globalValues({ context: this.context, tags, now: this.at, region })));
    return readingsOf(facts, about).map((reading) => {
      const own = kmsValues(reading.facts, caller, reading.about);
      // Also keys by the name of a token's issuer, as "issuer.example.com:sub".
      return (name) => own(name) ?? (name.startsWith('kms:') ? undefined : globals()(name));
    });
  }

  async #authorized(account: string, id: string, action: string, facts: RequestFacts): Promise<LoadedKey> {
    const { directory, region } = this.environment;
    const key = directory.peek(account, id) ?? (await directory.key(account, id));
    const alias = facts.requestAlias;
    const named = alias === undefined ? keyArn(region, account, id) : aliasArn(region, account, alias);
    if (!key || this.#hidden(key.key))
      throw account === this.account ? keyNotFound(region, account, id) : await this.#refusedForeign(action, named);
    // The record of a refusal is the caller's to read, so it names no key of others.
    if (account === this.account) this.#name(key.key);
    if (this.isService) this.#authorizeService(key.aliases, key.key.arn);
    else {
      const readings = await this.#readings(facts, key);
      const asked = { action, resource: key.key.arn, account, keyPolicy: key.policy, readings };
      await this.#decide(asked, named, (question) => this.#byGrant(question, id, facts));
    }
    this.#name(key.key);
    return key;
  }

  /** Keys of services do not exist for anybody else. */
  #hidden({ manager }: Key): boolean {
    return (manager === 'SERVICE') !== this.isService;
  }

  /** One answer for what is not there and what is not allowed; it says no more than the caller has said (`named`). */
  async #refusedForeign(action: string, named: string): Promise<KeysteadError> {
    if (!this.isService) await this.#callerPolicies();
    return foreignKeyDenied(this.principal, action, named);
  }

  async #aliasTarget({ account, name }: Extract<Identifier, { kind: 'alias' }>, action: string): Promise<string> {
    const { directory, region } = this.environment;
    const id = await directory.alias(account, name);
    if (id !== undefined) return id;
    if (name === s3ManagedAlias && account === this.account && this.#makesManagedKeys) {
      return this.environment.s3ManagedKey(account);
    }
    const arn = aliasArn(region, account, name);
    throw account === this.account ? aliasNotFound(arn) : await this.#refusedForeign(action, arn);
  }

  async #decide(
    question: Omit<Question, 'principal' | 'policies'>,
    named = question.resource,
    otherwise?: (question: Question) => Promise<Decision | undefined>,
  ): Promise<void> {
    const policies = await this.#callerPolicies();
    const { action, resource, account, readings, keyPolicy } = question;
    const asked: Question = { action, resource, account, readings, keyPolicy, principal: this.principal, policies };
    const byPolicy = decide(asked);
    const decision = (byPolicy.effect === 'ImplicitDeny' ? await otherwise?.(asked) : undefined) ?? byPolicy;
    const { log } = this.environment;
    const level = decision.effect === 'Allow' ? 'debug' : 'info';
    if (log.isLevelEnabled(level)) {
      log[level](
        { requestId: this.context.requestId, principal: this.principal.arn, action, resource, decision },
        'decision',
      );
    }
    if (decision.effect !== 'Allow') {
      const isForeign = question.account !== this.account;
      throw isForeign ? await this.#refusedForeign(question.action, named) : accessDenied(asked, decision);
    }
  }

  /** The Allow of a grant where policies neither allow nor deny. */
  async #byGrant(question: Question, keyId: string, facts: RequestFacts): Promise<Decision | undefined> {
    const { directory } = this.environment;
    const operation = question.action.slice('kms:'.length);
    const { encryptionContext = {}, grant, grantConstraint: constraint = {} } = facts;
    const child = grant && { operations: grant.operations, constraint };
    const request = { operation, encryptionContext, child };
    for (const [granteeId, match] of namesOf(this.principal)) {
      const of = [question.account, keyId, granteeId] as const;
      const grants = directory.peekGrants(...of) ?? (await directory.grants(...of));
      if (!grants.covers(request)) continue;
      const decision = decideGranted(question, match);
      if (decision.effect === 'Allow') return decision;
    }
    return undefined;
  }

  #authorizeService(aliases: readonly string[], resource: string): void {
    if (serviceAllowed(this.principal.arn, this.operation, aliases)) return;
    throw foreignKeyDenied(this.principal, `kms:${this.operation}`, resource);
  }

  /** The caller's policies; for a session those of its issuer. Errors: AccessDenied for a principal that is gone or another of the same name. */
  async #callerPolicies(): Promise<PrincipalPolicies> {
    if (this.#policies) return this.#policies;
    if (this.isService) return (this.#policies = { identity: [], tags: {} });
    const { principals } = this.environment;
    const { session, principal } = this.context;
    const arn = session?.issuerArn || this.principal.arn;
    const uniqueId = session?.issuerArn ? session.issuerUniqueId : principal?.uniqueId;
    if (session && Number(session.expiresAtMs) <= this.at.getTime()) {
      throw new KeysteadError('ExpiredToken', 'The security token included in the request is expired');
    }
    const known = principals.peek(arn) ?? (await principals.get(arn));
    const own = session?.hasPolicies ? await principals.session(this.context.accessKeyId) : unlimited;
    if (!known || known.uniqueId !== uniqueId || !own) {
      throw new KeysteadError(
        'AccessDenied',
        `User: ${this.principal.arn} is not authorized to perform: kms:${this.operation}`,
      );
    }
    return (this.#policies = sessionPolicies(known.policies, own));
  }

  #viaService(): string | undefined {
    const { viaService } = this.context;
    return viaService === '' ? undefined : `${viaService}.${this.environment.region}.amazonaws.com`;
  }

  /**
   * AWS managed keys are made at their first use by the service, or when somebody describes them by their alias.
   * https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html
   */
  get #makesManagedKeys(): boolean {
    return !this.isService && (this.context.viaService === 's3' || this.operation === 'DescribeKey');
  }

  #name({ arn, account }: Key): void {
    if (this.resources.some((resource) => resource.arn === arn)) return;
    this.resources.push({ arn, accountId: account, type: 'AWS::KMS::Key' });
  }
}
