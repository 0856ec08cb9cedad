import type { Queryable } from '@keystead/db';

/** Forgets all buckets, objects and uploads; their blobs become garbage. */
export async function forgetEverything(tx: Queryable): Promise<void> {
  await tx.query({
    name: 'reset_blobs',
    text: `insert into garbage (blob)
           select blob from part union
           select segment ->> 'blob' from object,
             jsonb_array_elements(split_part(record, e'\\n', 1)::jsonb -> 'segments') as segment
           on conflict (blob) do nothing`,
    values: [],
  });
  for (const table of ['upload', 'object', 'bucket']) {
    await tx.query({ name: `reset_${table}`, text: `delete from ${table}`, values: [] });
  }
}
