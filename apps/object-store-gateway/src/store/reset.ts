import type { Queryable } from '@keystead/db';

/** Forgets all buckets, objects and uploads; their blobs become garbage. */
export async function forgetEverything(tx: Queryable): Promise<void> {
  await tx.query({
    name: 'reset_blobs',
    text: `insert into garbage (blob)
           select blob from part union select unnest(blobs) from object
           on conflict (blob) do nothing`,
    values: [],
  });
  for (const table of ['upload', 'object', 'bucket']) {
    await tx.query({ name: `reset_${table}`, text: `delete from ${table}`, values: [] });
  }
}
