import type { LeafRow, TreeHead } from '../domain/verify.js';
import { type Queryable, rows } from './queryable.js';

/** The head of the tree as it is committed. */
export async function readHead(db: Queryable): Promise<TreeHead> {
  const text = 'select size, root from audit_tree where id = 1';
  const [row] = await rows<{ size: string; root: Buffer }>(db, 'audit_head', text, []);
  if (!row) throw new Error('audit_tree has no row');
  return { size: Number(row.size), root: row.root };
}

/** All leaves below `size`, ascending, in chunks. */
export async function* allLeaves(db: Queryable, size: number): AsyncGenerator<LeafRow[]> {
  const text = `select idx, body, leaf, event_id from audit_leaf where idx >= $1 and idx < $2 order by idx limit 1000`;
  for (let from = 0; ;) {
    const found = await rows<{ idx: string; body: Buffer; leaf: Buffer; event_id: string }>(
      db,
      'audit_all_leaves',
      text,
      [from, size],
    );
    if (found.length === 0) return;
    yield found.map(({ idx, body, leaf, event_id: eventId }) => ({ index: Number(idx), body, leaf, eventId }));
    from = Number(found.at(-1)?.idx) + 1;
  }
}

/** How many leaves lie at or above `size` while the tree is exactly that large: there should be none. */
export async function strayLeaves(db: Queryable): Promise<number> {
  const text = 'select count(*)::int as n from audit_leaf where idx >= (select size from audit_tree where id = 1)';
  const [row] = await rows<{ n: number }>(db, 'audit_stray_leaves', text, []);
  return row?.n ?? 0;
}
