import type { OperationName } from './constraints.js';

/** A successful cryptographic operation with a key. */
export interface KeyUse {
  readonly operation: OperationName;
  readonly at: Date;
  /** In the log of the key's owner. */
  readonly eventId: string;
  readonly requestId: string;
}

/** What is known of a key's use. */
export interface LastUsage {
  /** Undefined when there was none since then. */
  readonly use: (Omit<KeyUse, 'operation'> & { readonly operation: string }) | undefined;
  /** Since when uses are written down; the making of the key at the earliest. */
  readonly trackedSince: Date;
}

/**
 * The operations that count as use.
 * https://docs.aws.amazon.com/kms/latest/developerguide/monitoring-keys-determining-usage.html
 */
const tracked: ReadonlySet<OperationName> = new Set([
  ...(['Encrypt', 'Decrypt', 'ReEncrypt', 'Sign', 'Verify', 'GenerateMac', 'VerifyMac'] as const),
  ...(['GenerateDataKey', 'GenerateDataKeyWithoutPlaintext', 'GenerateDataKeyPair'] as const),
  ...(['GenerateDataKeyPairWithoutPlaintext', 'DeriveSharedSecret', 'Encapsulate', 'Decapsulate'] as const),
]);

/** Whether an operation counts as use of its keys. */
export function isUse(operation: OperationName): boolean {
  return tracked.has(operation);
}

/** Whether conditions on an action may ask how long its key has not been used. */
export function asksForUse(action: string): boolean {
  return action === 'kms:DisableKey' || action === 'kms:ScheduleKeyDeletion';
}

const day = 86_400_000;

/**
 * Whole days without use until now, counted from the last use, or else from when uses are known.
 * https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-trailing-days-without-key-usage
 */
export function daysWithoutUse({ use, trackedSince }: LastUsage, now: Date): number {
  return Math.max(0, Math.floor((now.getTime() - (use?.at ?? trackedSince).getTime()) / day));
}
