import type { Queryable } from '@keystead/db';

/** Remembers blobs that nothing names any more, in the transaction that made them so. */
export async function discard(tx: Queryable, blobs: readonly string[]): Promise<void> {
  if (blobs.length === 0) return;
  await tx.query({
    name: 'garbage_add',
    text: 'insert into garbage (blob) select unnest($1::text[]) on conflict (blob) do nothing',
    values: [blobs],
  });
}

/** Blobs that became garbage at least `seconds` ago: readers that began before have ended by then. */
export async function oldGarbage(db: Queryable, seconds: number, limit: number): Promise<string[]> {
  const { rows } = await db.query<{ blob: string }>({
    name: 'garbage_old',
    text: `select blob from garbage where since <= now() - make_interval(secs => $1) order by since limit $2`,
    values: [seconds, limit],
  });
  return rows.map(({ blob }) => blob);
}

export async function forgetGarbage(db: Queryable, blobs: readonly string[]): Promise<void> {
  await db.query({
    name: 'garbage_forget',
    text: 'delete from garbage where blob = any($1::text[])',
    values: [blobs],
  });
}

/** Those of `blobs` that no object and no upload names, and that are not known as garbage. */
export async function unnamed(db: Queryable, blobs: readonly string[]): Promise<string[]> {
  const { rows } = await db.query<{ blob: string }>({
    name: 'garbage_unnamed',
    text: `select unnest($1::text[]) as blob except select unnest(blobs) from object
           except select blob from part except select blob from garbage`,
    values: [blobs],
  });
  return rows.map(({ blob }) => blob);
}
