/** A tag; keys are unique within an entity without regard to case. */
export interface Tag {
  readonly key: string;
  readonly value: string;
}

/** An IAM user. `id` (AIDA…) never changes; name and path may. */
export interface User {
  readonly account: string;
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly createdAt: Date;
  readonly boundaryArn: string | undefined;
  readonly tags: readonly Tag[];
}

/** An IAM group. */
export interface Group {
  readonly account: string;
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly createdAt: Date;
}

/** Whom a role trusts. */
export interface Trust {
  /** The trust policy as it was written. */
  readonly document: string;
  /** The unique ids of the users, roles and sessions that it names, by ARN: who has such a name later is not trusted. */
  readonly principals: Readonly<Record<string, string>>;
}

/** An IAM role. `id` (AROA…) never changes; neither do name and path. */
export interface Role {
  readonly account: string;
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly description: string | undefined;
  /** Seconds, 3,600 to 43,200. */
  readonly maxSessionDuration: number;
  readonly trust: Trust;
  readonly boundaryArn: string | undefined;
  readonly tags: readonly Tag[];
  readonly createdAt: Date;
  readonly lastUse: { readonly at: Date; readonly region: string } | undefined;
}

/** What holds a role for EC2, and for tools that expect to make one. */
export interface InstanceProfile {
  readonly account: string;
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly roleId: string | undefined;
  readonly tags: readonly Tag[];
  readonly createdAt: Date;
}

/** An issuer of tokens that roles of an account may trust. */
export interface OidcProvider {
  readonly account: string;
  /** The issuer without its scheme, as the ARN and the condition keys have it. */
  readonly name: string;
  /** The issuer, as the claim iss has it. */
  readonly url: string;
  readonly clientIds: readonly string[];
  /** Kept and shown; certificates are checked against the trusted authorities. */
  readonly thumbprints: readonly string[];
  readonly tags: readonly Tag[];
  readonly createdAt: Date;
}

/** A policy that caps a session; `name` is the ARN of a managed one. */
export interface SessionPolicy {
  readonly name: string;
  readonly document: string;
}

/** What a session was made with. */
export interface SessionFacts {
  readonly policies: readonly SessionPolicy[];
  /** Its own and those that came along the chain. */
  readonly tags: readonly Tag[];
  readonly transitiveTagKeys: readonly string[];
  readonly sourceIdentity: string | undefined;
  /** The token that opened it: the ARN of its provider, and its claims by condition key. */
  readonly federated: { readonly provider: string; readonly claims: Readonly<Record<string, string>> } | undefined;
}

/** Temporary credentials without their secrets. */
export interface IssuedSession {
  readonly accessKeyId: string;
  readonly account: string;
  /** The id of the role or user; the account for its root user. */
  readonly issuerId: string;
  /** The role session's name; undefined for sessions of users and root. */
  readonly name: string | undefined;
  readonly facts: SessionFacts;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
}

/** What policies can be attached to or written into. */
export type EntityKind = 'user' | 'group' | 'role';

/** A user, group or role as the holder of policies. */
export interface Holder {
  readonly kind: EntityKind;
  readonly id: string;
  readonly name: string;
}

export type KeyStatus = 'Active' | 'Inactive';

/** When, where and for what an access key was used last. */
export interface LastUse {
  readonly at: Date;
  readonly service: string;
  readonly region: string;
}

/** An access key without its secret. */
export interface AccessKey {
  readonly account: string;
  readonly id: string;
  /** The unique id of its user; for a key of the root user the account. */
  readonly userId: string;
  readonly status: KeyStatus;
  readonly createdAt: Date;
  readonly lastUse: LastUse | undefined;
}

/** A managed policy: a customer's own, or AWS's (account `aws`). */
export interface ManagedPolicy {
  readonly account: string;
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly description: string | undefined;
  readonly defaultVersion: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly tags: readonly Tag[];
}

/** One version of a managed policy, shown as `v<number>`. */
export interface PolicyVersion {
  readonly number: number;
  readonly document: string;
  readonly createdAt: Date;
}

/** A policy written into a user, group or role. */
export interface InlinePolicy {
  readonly name: string;
  readonly document: string;
}
