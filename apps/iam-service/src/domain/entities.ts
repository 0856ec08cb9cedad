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

/** What policies can be attached to or written into. */
export type EntityKind = 'user' | 'group';

/** A user or group as the holder of policies. */
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

/** A policy written into a user or group. */
export interface InlinePolicy {
  readonly name: string;
  readonly document: string;
}
