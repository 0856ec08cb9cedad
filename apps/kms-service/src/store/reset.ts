import { transaction, type Pool } from '@keystead/db';
import { serviceAccount } from '../domain/key.js';
import { nextSequence } from './changes.js';

/**
 * Deletes the keys of all users; those of the services stay, since other services hold what they encrypted. Answers the
 * sequence and the cache keys that are void.
 */
export function deleteUsersKeys(pool: Pool): Promise<{ sequence: bigint; cacheKeys: string[] }> {
  return transaction(pool, async (tx) => {
    const gone = await tx.query<{ name: string }>({
      name: 'reset_keys',
      text: `with aliases as (delete from alias where account <> $1 returning account, name),
          keys as (delete from key where account <> $1 returning account, id)
        select 'alias/' || account || '/' || name as name from aliases union all select 'key/' || account || '/' || id from keys`,
      values: [serviceAccount],
    });
    const cacheKeys = gone.rows.map(({ name }) => name);
    return { cacheKeys, sequence: await nextSequence(tx, cacheKeys) };
  });
}
