import type { ContextLookup } from '@keystead/policy';
import type { GrantConstraint } from './grant.js';
import type { Key, Tag } from './key.js';

/** What a request says that condition keys can ask about; absent is as if AWS had no such key for the operation. */
export interface RequestFacts {
  readonly encryptionContext?: Readonly<Record<string, string>> | undefined;
  readonly encryptionAlgorithm?: string | undefined;
  /** The alias in the request, as a name: alias/…. */
  readonly requestAlias?: string | undefined;
  /** As it was sent: AWS's policies tell by Null whether it was. */
  readonly bypassPolicyLockoutSafetyCheck?: boolean | undefined;
  readonly pendingWindowInDays?: number | undefined;
  readonly rotationPeriodInDays?: number | undefined;
  /** Whole days since the last use of the key; for DisableKey and ScheduleKeyDeletion. */
  readonly daysWithoutUse?: number | undefined;
  readonly reEncryptOnSameKey?: boolean | undefined;
  readonly signingAlgorithm?: string | undefined;
  readonly messageType?: string | undefined;
  readonly macAlgorithm?: string | undefined;
  readonly keyAgreementAlgorithm?: string | undefined;
  readonly encapsulationAlgorithm?: string | undefined;
  readonly dataKeyPairSpec?: string | undefined;
  readonly wrappingAlgorithm?: string | undefined;
  readonly wrappingKeySpec?: string | undefined;
  /** As it was sent, like bypassPolicyLockoutSafetyCheck. */
  readonly expirationModel?: string | undefined;
  /** When the imported material would expire. */
  readonly validTo?: Date | undefined;
  /** What CreateGrant is asked to make. */
  readonly grant?: GrantFacts | undefined;
  /** The constraint of the grant that is made or retired; its pairs are the encryption context of the request. */
  readonly grantConstraint?: GrantConstraint | undefined;
  /** True when a service asks in its caller's name; for CreateGrant, ListGrants and RevokeGrant. */
  readonly grantIsForAWSResource?: boolean | undefined;
  /** Tags that the request adds. */
  readonly requestTags?: readonly Tag[] | undefined;
  /** Keys of tags that the request adds or removes. */
  readonly tagKeys?: readonly string[] | undefined;
}

/** A grant to be made, as condition keys see it. */
export interface GrantFacts {
  readonly operations: readonly string[];
  /** The ARN as it was given. */
  readonly grantee: string;
  readonly retiring: string | null;
}

/** The key as condition keys see it; CreateKey asks about the key that it would make. */
export interface KeyFacts {
  readonly key: Pick<Key, 'account' | 'spec' | 'usage' | 'origin' | 'multiRegion'>;
  readonly tags: readonly Tag[];
  readonly aliases: readonly string[];
}

/** Who calls, for the kms: keys that speak of the caller. */
export interface CallerFacts {
  readonly account: string;
  /** For example s3.us-east-1.amazonaws.com; undefined for direct calls. */
  readonly viaService: string | undefined;
}

type Value = string | readonly string[] | undefined;

const contextPrefix = 'kms:encryptioncontext:';
const requestTag = 'aws:requesttag/';
const resourceTag = 'aws:resourcetag/';

/**
 * The kms: condition keys and the aws: keys about the resource, asked for one by one: most policies ask for few.
 * Names come in lower case. https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
 */
export function kmsValues(facts: RequestFacts, caller: CallerFacts, about: KeyFacts | undefined): ContextLookup {
  return (name) => {
    if (name.startsWith(contextPrefix)) return contextValue(facts.encryptionContext, name.slice(contextPrefix.length));
    if (name.startsWith(requestTag)) return tagValue(facts.requestTags, name.slice(requestTag.length));
    if (name.startsWith(resourceTag)) return tagValue(about?.tags, name.slice(resourceTag.length));
    return ofCaller(name, caller) ?? ofRequest(name, facts) ?? ofGrant(name, facts) ?? ofKey(name, about);
  };
}

function ofCaller(name: string, caller: CallerFacts): Value {
  if (name === 'kms:calleraccount') return caller.account;
  return name === 'kms:viaservice' ? caller.viaService : undefined;
}

function ofRequest(name: string, facts: RequestFacts): Value {
  switch (name) {
    case 'kms:encryptioncontextkeys':
      return facts.encryptionContext === undefined ? undefined : Object.keys(facts.encryptionContext);
    case 'kms:encryptionalgorithm':
      return facts.encryptionAlgorithm;
    case 'kms:requestalias':
      return facts.requestAlias;
    case 'kms:bypasspolicylockoutsafetycheck':
      return text(facts.bypassPolicyLockoutSafetyCheck);
    case 'kms:schedulekeydeletionpendingwindowindays':
      return text(facts.pendingWindowInDays);
    case 'kms:trailingdayswithoutkeyusage':
      return text(facts.daysWithoutUse);
    case 'kms:rotationperiodindays':
      return text(facts.rotationPeriodInDays);
    case 'kms:reencryptonsamekey':
      return text(facts.reEncryptOnSameKey);
    case 'kms:signingalgorithm':
      return facts.signingAlgorithm;
    case 'kms:messagetype':
      return facts.messageType;
    case 'kms:macalgorithm':
      return facts.macAlgorithm;
    case 'kms:keyagreementalgorithm':
      return facts.keyAgreementAlgorithm;
    case 'kms:encapsulationalgorithm':
      return facts.encapsulationAlgorithm;
    case 'kms:datakeypairspec':
      return facts.dataKeyPairSpec;
    case 'kms:wrappingalgorithm':
      return facts.wrappingAlgorithm;
    case 'kms:wrappingkeyspec':
      return facts.wrappingKeySpec;
    case 'kms:expirationmodel':
      return facts.expirationModel;
    case 'kms:validto':
      // Unix time, as AWS compares it; the operators for dates read it too.
      return facts.validTo && String(facts.validTo.getTime() / 1000);
    case 'aws:tagkeys':
      return facts.tagKeys;
    default:
      return undefined;
  }
}

function ofGrant(name: string, { grant, grantConstraint, grantIsForAWSResource }: RequestFacts): Value {
  switch (name) {
    case 'kms:grantoperations':
      return grant?.operations;
    case 'kms:granteeprincipal':
      return grant?.grantee;
    case 'kms:retiringprincipal':
      return grant?.retiring ?? undefined;
    case 'kms:grantconstrainttype':
      return grantConstraint && constraintTypes(grantConstraint);
    case 'kms:grantisforawsresource':
      return text(grantIsForAWSResource);
    default:
      return undefined;
  }
}

function constraintTypes({ equals, subset }: GrantConstraint): Value {
  const types = [...(equals ? ['EncryptionContextEquals'] : []), ...(subset ? ['EncryptionContextSubset'] : [])];
  return types.length > 1 ? types : types[0];
}

function ofKey(name: string, about: KeyFacts | undefined): Value {
  if (about === undefined) return undefined;
  switch (name) {
    case 'kms:keyspec':
    case 'kms:customermasterkeyspec':
      return about.key.spec;
    case 'kms:keyusage':
    case 'kms:customermasterkeyusage':
      return about.key.usage;
    case 'kms:keyorigin':
      return about.key.origin;
    case 'kms:multiregion':
      return text(about.key.multiRegion);
    case 'kms:resourcealiases':
      return about.aliases;
    case 'aws:resourceaccount':
      return about.key.account;
    default:
      return undefined;
  }
}

/** Names of condition keys know no case, those of an encryption context do; here the policy's side wins. */
function contextValue(context: Readonly<Record<string, string>> | undefined, wanted: string): Value {
  for (const name in context) if (name.toLowerCase() === wanted) return context[name];
  return undefined;
}

function tagValue(tags: readonly Tag[] | undefined, wanted: string): Value {
  return tags?.find(({ tagKey }) => tagKey.toLowerCase() === wanted)?.tagValue;
}

const text = (value: boolean | number | undefined): string | undefined =>
  value === undefined ? undefined : String(value);
