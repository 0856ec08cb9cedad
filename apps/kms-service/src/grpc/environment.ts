import type { AuditClient } from '@keystead/audit';
import type { Logger } from '@keystead/service';
import type { GrantTokens } from '../clients/grant-tokens.js';
import type { HsmClient } from '../clients/hsm.js';
import type { Principals } from '../clients/principals.js';
import type { LastUsage } from '../domain/last-usage.js';
import type { KeyDirectory } from '../store/key-directory.js';
import type { Change, KeyStore } from '../store/key-store.js';
import type { KeyUses } from '../workers/key-uses.js';

/** Everything that handlers and workers use, made once in main.ts. */
export interface Environment {
  readonly region: string;
  readonly store: KeyStore;
  readonly directory: KeyDirectory;
  readonly hsm: HsmClient;
  readonly principals: Principals;
  readonly grantTokens: GrantTokens;
  readonly audit: Pick<AuditClient, 'append'>;
  readonly keyUses: Pick<KeyUses, 'note'>;
  /** What is known of a key's use, what this process knows of it included; undefined for a key that is not there. */
  readonly lastUsage: (account: string, keyId: string) => Promise<LastUsage | undefined>;
  /** The id of an account's alias/aws/s3, made if it is not there yet. */
  s3ManagedKey(account: string): Promise<string>;
  readonly now: () => Date;
  readonly log: Logger;
  /**
   * Commits a change; resolves when no cache anywhere serves what was before it, and its audit record is on its way.
   * Errors: Unavailable when the audit log is behind.
   */
  commit<T>(work: (change: Change) => Promise<T>): Promise<T>;
}
