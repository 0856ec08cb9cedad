import type { Queryable } from '@keystead/db';
import type { KeyUse, LastUsage } from '../domain/last-usage.js';

/** A use and the key of it. */
export interface UseOfKey extends KeyUse {
  readonly account: string;
  readonly keyId: string;
}

/** Writes uses down, one for each key; a later one stays, and keys that are gone are passed over. */
export async function saveUses(db: Queryable, uses: readonly UseOfKey[]): Promise<void> {
  await db.query({
    name: 'last_use_save',
    text: `insert into key_last_use (account, key_id, operation, used_at, event_id, request_id)
      select u.account, u.key_id, u.operation, u.used_at, u.event_id, u.request_id
      from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::text[])
        as u (account, key_id, operation, used_at, event_id, request_id)
      join key on key.account = u.account and key.id = u.key_id
      on conflict (account, key_id) do update set operation = excluded.operation, used_at = excluded.used_at,
        event_id = excluded.event_id, request_id = excluded.request_id
      where excluded.used_at > key_last_use.used_at`,
    values: [
      ...[uses.map(({ account }) => account), uses.map(({ keyId }) => keyId)],
      ...[uses.map(({ operation }) => operation), uses.map(({ at }) => at)],
      ...[uses.map(({ eventId }) => eventId), uses.map(({ requestId }) => requestId)],
    ],
  });
}

interface Row {
  readonly since: Date;
  readonly operation: string | null;
  readonly used_at: Date | null;
  readonly event_id: string | null;
  readonly request_id: string | null;
}

/** Undefined for a key that is not there. */
export async function lastUsageOf(db: Queryable, account: string, keyId: string): Promise<LastUsage | undefined> {
  const { rows } = await db.query<Row>({
    name: 'last_use_find',
    text: `select greatest(tracking.since, key.created_at) as since, operation, used_at, event_id, request_id
      from key cross join key_use_tracking as tracking
      left join key_last_use as last on last.account = key.account and last.key_id = key.id
      where key.account = $1 and key.id = $2`,
    values: [account, keyId],
  });
  const [row] = rows;
  if (!row) return undefined;
  const { operation, used_at: at, event_id: eventId, request_id: requestId } = row;
  const use = operation !== null && at && { operation, at, eventId: eventId ?? '', requestId: requestId ?? '' };
  return { use: use || undefined, trackedSince: row.since };
}
