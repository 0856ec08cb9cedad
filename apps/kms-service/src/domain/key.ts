/** AWS's KeyState. */
export type KeyState =
  | 'Creating'
  | 'Enabled'
  | 'Disabled'
  | 'PendingDeletion'
  | 'PendingImport'
  | 'PendingReplicaDeletion'
  | 'Unavailable'
  | 'Updating';

/** Who manages a key: a customer, AWS in a customer's account (alias/aws/…), or a service for itself (AWS owned). */
export type KeyManager = 'CUSTOMER' | 'AWS' | 'SERVICE';

/** A KMS key without its material. Texts are AWS's own names of specs, usages and origins. */
export interface Key {
  /** The owner, 12 digits. */
  readonly account: string;
  /** A UUID, or mrk- and 32 hex digits. */
  readonly id: string;
  readonly arn: string;
  readonly description: string;
  readonly spec: string;
  readonly usage: string;
  readonly origin: string;
  readonly manager: KeyManager;
  readonly multiRegion: boolean;
  readonly state: KeyState;
  readonly createdAt: Date;
  /** Set exactly in state PendingDeletion. */
  readonly deletionDate: Date | null;
  /** The key policy, JSON as it was written. */
  readonly policy: string;
  /** ARNs named by the policy and the unique ids they had when it was written. */
  readonly principals: Readonly<Record<string, string>>;
  /** The generation of the material that encrypts now, from 0; imported material beyond it waits for its rotation. */
  readonly generation: number;
  /** Days between automatic rotations, 90 to 2,560; null when automatic rotation is off. */
  readonly rotationPeriodDays: number | null;
  /** When automatic rotation is due; null when it is off. */
  readonly nextRotationAt: Date | null;
  /** Rotations on demand so far, at most 25. */
  readonly onDemandRotations: number;
}

/** How a material came to be current; null for the first. */
export type RotationType = 'AUTOMATIC' | 'ON_DEMAND';

/** One generation of key material, sealed by the HSM. */
export interface Material {
  readonly account: string;
  readonly keyId: string;
  readonly generation: number;
  /** 64 lower-case hex digits. */
  readonly materialId: string;
  /** The HSM's key token; null while imported material is deleted or expired. */
  readonly token: Uint8Array | null;
  readonly createdAt: Date;
  readonly rotationType: RotationType | null;
  /** When a rotation made it current; null for the first, and for imported material that waits for its rotation. */
  readonly rotatedAt: Date | null;
  /** When imported material expires; null when it does not. */
  readonly validTo: Date | null;
  /** What was said about imported material. */
  readonly description: string | null;
}

/** A tag of a key. */
export interface Tag {
  readonly tagKey: string;
  readonly tagValue: string;
}

/** Another name of a key, unique in its account and Region. */
export interface Alias {
  readonly account: string;
  /** With its prefix, alias/…. */
  readonly name: string;
  readonly keyId: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A key with everything that is kept beside it. */
export interface KeyView {
  readonly key: Key;
  /** Sorted by key. */
  readonly tags: readonly Tag[];
  /** Names of its aliases, sorted. */
  readonly aliases: readonly string[];
  /** All generations, oldest first. */
  readonly materials: readonly Material[];
}

/** The spec of symmetric encryption keys. */
export const symmetric = 'SYMMETRIC_DEFAULT';

/** The account that owns the keys of the services themselves; never a customer's. */
export const serviceAccount = '999999999999';

/** The AWS managed key of S3 in each account: made when S3 first encrypts without a key of the customer's. */
export const s3ManagedAlias = 'alias/aws/s3';

/** The ARN of a key. */
export function keyArn(region: string, account: string, id: string): string {
  return `arn:aws:kms:${region}:${account}:key/${id}`;
}

/** The ARN of an alias; `name` begins with alias/. */
export function aliasArn(region: string, account: string, name: string): string {
  return `arn:aws:kms:${region}:${account}:${name}`;
}
