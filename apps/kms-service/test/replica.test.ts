import { Pool } from '@keystead/db';
import { logger } from '@keystead/service';
import { expect, test } from 'vitest';
import { Replica } from '../src/store/replica.js';

const key = 'key/000000000000/1';

/** A database in which another process commits a change just before our row says that we are there. */
class Racing extends Pool {
  sequence = 10n;

  override query = (async ({ name, values }: { name: string; values?: unknown[] }) => {
    if (name === 'replica_beat' && this.sequence === 10n) this.sequence = 11n;
    if (name === 'change_current') return { rows: [{ value: this.sequence }] };
    if (name !== 'change_since') return { rows: [] };
    const behind = (values?.[0] as bigint) < this.sequence;
    return { rows: [{ value: this.sequence, cache_keys: behind ? [key] : null }] };
  }) as never;
}

test('a process whose row had run out learns of what was committed without it before it serves', async () => {
  const replica = new Replica(new Racing(), logger('test', 'silent'));
  const told: (readonly string[] | undefined)[] = [];
  replica.onChange((keys) => told.push(keys));
  await replica.start();
  expect([replica.fresh(), told]).toEqual([true, [[key]]]);
  await replica.close();
});
