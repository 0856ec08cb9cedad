import { first, rows, type Queryable } from './query.js';

/**
 * Takes the next number of the change sequence. It is the first statement of every change: its row lock lets changes
 * through one at a time, so that what a change reads afterwards stays true until it commits.
 */
export async function nextSequence(tx: Queryable): Promise<bigint> {
  const text = 'update change_sequence set value = value + 1 where only_row returning value::text as value';
  const row = await first<{ value: string }>(tx, 'change_next', text, []);
  if (!row) throw new Error('the change sequence has no row; was the schema migrated?');
  return BigInt(row.value);
}

/** The number of the last committed change. */
export async function currentSequence(db: Queryable): Promise<bigint> {
  const text = 'select value::text as value from change_sequence where only_row';
  const row = await first<{ value: string }>(db, 'change_current', text, []);
  if (!row) throw new Error('the change sequence has no row; was the schema migrated?');
  return BigInt(row.value);
}

/** Removes everything of every account but one user's keys and attached policies (test mode). */
export async function removeAllBut(tx: Queryable, account: string, userId: string): Promise<void> {
  const everything = [
    ...['session', 'instance_profile', 'oidc_provider', 'role'],
    ...['inline_policy', 'membership', 'iam_group', 'policy_version', 'policy'],
  ];
  for (const table of everything) await rows(tx, `remove_all_${table}`, `delete from ${table}`, []);
  const own = [account, userId];
  const kept = "account = $1 and holder_kind = 'user' and holder_id = $2";
  await rows(tx, 'remove_other_attachments', `delete from attachment where not (${kept})`, own);
  await rows(
    tx,
    'remove_other_keys',
    'delete from access_key where not (account = $1 and user_id is not distinct from $2)',
    own,
  );
  await rows(tx, 'remove_other_users', 'delete from iam_user where not (account = $1 and id = $2)', own);
  await rows(tx, 'remove_other_accounts', 'delete from account where id <> $1', [account]);
  await rows(tx, 'restore_alias', 'update account set alias = null where id = $1', [account]);
  await rows(tx, 'restore_keys', "update access_key set status = 'Active' where account = $1 and user_id = $2", own);
  await rows(tx, 'restore_tags', "update iam_user set tags = '[]' where account = $1 and id = $2", own);
}
