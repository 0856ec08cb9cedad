import { deflateRawSync } from 'node:zlib';
import { KeysteadError } from '@keystead/errors';
import { compiled, documentText } from './documents.js';
import type { SessionPolicy, Tag } from './entities.js';
import { constraint, matching, policyArn, present, within } from './fields.js';
import { checkTagKeys, checkTags } from './tags.js';

const word = { min: 2, max: 64, pattern: /[\w+=,.@-]*/ };
/** Characters of the inline policy and of the ARNs together. */
const maximumPlain = 2_048;
/** Bytes of policies and tags once they are packed. AWS tells neither its limit nor its format, only the percentage. */
const maximumPacked = 2_048;
const maximumPolicies = 10;

/** What every way to a role session asks for. */
export interface RoleSessionRequest {
  readonly roleArn?: string | undefined;
  readonly roleSessionName?: string | undefined;
  readonly policy?: string | undefined;
  readonly policyArns: readonly { readonly arn?: string | undefined }[];
  readonly durationSeconds?: number | undefined;
}

/** The same, checked. */
export interface RoleSessionCommand {
  readonly roleArn: string;
  readonly name: string;
  readonly policy: string | undefined;
  readonly policyArns: readonly string[];
  /** Undefined where the default is meant. */
  readonly duration: number | undefined;
}

/** Throws Validation, MalformedPolicyDocument. */
export function readRoleSession(request: RoleSessionRequest): RoleSessionCommand {
  const { durationSeconds, policy } = request;
  const command = {
    roleArn: matching('roleArn', present('roleArn', request.roleArn), { min: 20, max: 2048, pattern: /[ -~]+/ }),
    name: matching('roleSessionName', present('roleSessionName', request.roleSessionName), word),
    policy: policy === undefined ? undefined : documentText('policy', policy, maximumPlain),
    policyArns: readPolicyArns(request.policyArns),
    duration:
      durationSeconds === undefined ? undefined : within('durationSeconds', durationSeconds, { min: 900, max: 43_200 }),
  };
  if (command.policy !== undefined) compiled(command.policy, { kind: 'session', name: 'session policy' });
  return command;
}

function readPolicyArns(policies: RoleSessionRequest['policyArns']): readonly string[] {
  if (policies.length > maximumPolicies) {
    throw constraint('policyArns', '[]', `have length less than or equal to ${maximumPolicies}`);
  }
  return policies.map(({ arn }, index) => policyArn(arn, `policyArns.${index + 1}.member.arn`));
}

/** 2 to 1,224 characters. */
export function externalId(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  return matching('externalId', value, { min: 2, max: 1_224, pattern: /[\w+=,.@:/-]*/ });
}

/** 2 to 64 characters. */
export function sourceIdentity(value: string | undefined): string | undefined {
  return value === undefined ? undefined : matching('sourceIdentity', value, word);
}

/** The tags that a request brings for its session, and which of them go on along a chain. */
export interface RequestedTags {
  readonly tags: readonly Tag[];
  readonly transitiveTagKeys: readonly string[];
}

const sameKey = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();

/** Throws Validation, InvalidInput, InvalidParameterValue. */
export function readSessionTags(tags: readonly Tag[], transitive: readonly string[]): RequestedTags {
  checkTags(tags);
  const keys = checkTagKeys(transitive);
  for (const key of keys) {
    if (tags.some((tag) => sameKey(tag.key, key))) continue;
    const message = 'The specified transitive tag key must be included in the requested tags.';
    throw new KeysteadError('InvalidParameterValue', message);
  }
  return { tags, transitiveTagKeys: keys };
}

/** Adds the tags that come along the chain. Nothing may take their place. Throws InvalidParameterValue. */
export function chainedTags(requested: RequestedTags, inherited: RequestedTags): RequestedTags {
  const coming = inherited.tags.filter(({ key }) => inherited.transitiveTagKeys.some((one) => sameKey(one, key)));
  for (const { key } of requested.tags) {
    if (!coming.some((tag) => sameKey(tag.key, key))) continue;
    const message =
      "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.";
    throw new KeysteadError('InvalidParameterValue', message);
  }
  const all = [...coming, ...requested.tags];
  if (all.length > 50) throw constraint('tags', '[]', 'have length less than or equal to 50');
  return { tags: all, transitiveTagKeys: [...coming.map(({ key }) => key), ...requested.transitiveTagKeys] };
}

const hour = 3_600;

/** How long a role session lasts, in seconds. Throws Validation. */
export function roleDuration(
  asked: number | undefined,
  { longest, chained }: { longest: number; chained: boolean },
): number {
  const duration = asked ?? hour;
  if (duration > longest) {
    throw new KeysteadError(
      'Validation',
      'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
    );
  }
  if (chained && duration > hour) {
    throw new KeysteadError(
      'Validation',
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
    );
  }
  return duration;
}

/** How long the session of a user or root lasts, in seconds; root's at most an hour, whatever is asked. Throws Validation. */
export function userDuration(asked: number | undefined, isRoot: boolean): number {
  const duration = within('durationSeconds', asked ?? 12 * hour, { min: 900, max: 36 * hour });
  return isRoot ? Math.min(duration, hour) : duration;
}

/** Percent of the room for policies and tags that is taken; undefined when there are none. Throws PackedPolicyTooLarge. */
export function packedSize(command: RoleSessionCommand, tags: readonly Tag[]): number | undefined {
  const { policy, policyArns } = command;
  if (policy === undefined && policyArns.length === 0 && tags.length === 0) return undefined;
  const packed = deflateRawSync(JSON.stringify([policy ?? '', policyArns, tags.map(({ key, value }) => [key, value])]));
  const plain = (policy?.length ?? 0) + policyArns.join('').length;
  const percent = Math.ceil(100 * Math.max(packed.length / maximumPacked, plain / maximumPlain));
  if (percent <= 100) return percent;
  throw new KeysteadError(
    'PackedPolicyTooLarge',
    `Packed policy consumes ${percent}% of allotted space, please use smaller policy.`,
  );
}

/** The policies that cap a session. */
export function sessionPolicies(
  { policy }: RoleSessionCommand,
  managed: readonly SessionPolicy[],
): readonly SessionPolicy[] {
  return policy === undefined ? managed : [{ name: 'session policy', document: policy }, ...managed];
}
