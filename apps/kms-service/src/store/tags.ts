import type { Queryable } from '@keystead/db';
import type { Tag } from '../domain/key.js';

/** The tags of a key, by tag key. */
export async function tagsOf(db: Queryable, account: string, keyId: string): Promise<Tag[]> {
  const { rows } = await db.query<{ tag_key: string; tag_value: string }>({
    name: 'tag_of_key',
    text: 'select tag_key, tag_value from tag where account = $1 and key_id = $2 order by tag_key',
    values: [account, keyId],
  });
  return rows.map((row) => ({ tagKey: row.tag_key, tagValue: row.tag_value }));
}

/** Replaces all tags of a key. */
export async function replaceTags(tx: Queryable, account: string, keyId: string, tags: readonly Tag[]): Promise<void> {
  await tx.query({
    name: 'tag_clear',
    text: 'delete from tag where account = $1 and key_id = $2',
    values: [account, keyId],
  });
  if (tags.length === 0) return;
  await tx.query({
    name: 'tag_insert',
    text: `insert into tag (account, key_id, tag_key, tag_value)
      select $1, $2, t.tag_key, t.tag_value from unnest($3::text[], $4::text[]) as t (tag_key, tag_value)`,
    values: [account, keyId, tags.map(({ tagKey }) => tagKey), tags.map(({ tagValue }) => tagValue)],
  });
}
