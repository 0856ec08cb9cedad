import type { OutboxWorker } from '@keystead/audit';
import type { AuditRecord } from '@keystead/proto/audit';
import type { Logger } from '@keystead/service';
import type { Backend } from './backend/backend.js';
import type { Access } from './clients/access.js';
import type { BucketKeys } from './clients/bucket-keys.js';
import type { DataKeys } from './clients/data-keys.js';
import type { Trailing } from './clients/trailing.js';
import type { GatewayStore } from './store/gateway-store.js';

/** What operations work with; made once by main. */
export interface Gateway {
  readonly region: string;
  /** When clients without TLS may use SSE-KMS. */
  readonly tlsRule: 'always' | 'unless-loopback' | 'never';
  readonly store: GatewayStore;
  readonly backend: Backend;
  readonly dataKeys: DataKeys;
  readonly bucketKeys: BucketKeys;
  readonly access: Access;
  /** Makes a record durable; rejects when that fails. */
  readonly audit: { append(record: AuditRecord): Promise<unknown> };
  /** The same for records that nobody waits for: several at a time. */
  readonly trailing: Trailing;
  readonly outbox: OutboxWorker;
  readonly log: Logger;
  readonly now: () => Date;
}
