import type { Queryable } from '@keystead/db';
import type { Grant, GrantConstraint, GrantRule } from '../domain/grant.js';

interface Row {
  account: string;
  key_id: string;
  id: string;
  name: string | null;
  created_at: Date;
  issuing_account: string;
  grantee: string;
  grantee_id: string;
  retiring: string | null;
  retiring_id: string | null;
  operations: string[];
  constraints: string;
}

const columns = `account, key_id, id, name, created_at, issuing_account, grantee, grantee_id, retiring, retiring_id, operations, constraints`;

/** Which grants of a key to list. */
export interface GrantPage {
  readonly account: string;
  readonly keyId: string;
  readonly grantId: string | undefined;
  /** The ARN as it was given. */
  readonly grantee: string | undefined;
  /** The id of the last grant of the page before. */
  readonly after: string;
  readonly limit: number;
}

/** Which grants of all keys to list. */
export interface RetirablePage {
  /** The ARN as it was given, and the unique id that it has now. */
  readonly retiring: string;
  readonly retiringId: string;
  /** The last of the page before: account, key and id; empty for the first page. */
  readonly after: readonly [account: string, keyId: string, id: string];
  readonly limit: number;
}

export async function findGrant(db: Queryable, account: string, keyId: string, id: string): Promise<Grant | undefined> {
  const { rows } = await db.query<Row>({
    name: 'grant_find',
    text: `select ${columns} from key_grant where account = $1 and key_id = $2 and id = $3`,
    values: [account, keyId, id],
  });
  return rows[0] && toGrant(rows[0]);
}

/** What the grants of one principal on one key allow. */
export async function rulesOf(db: Queryable, account: string, keyId: string, granteeId: string): Promise<GrantRule[]> {
  const { rows } = await db.query<Pick<Row, 'id' | 'operations' | 'constraints'>>({
    name: 'grant_rules',
    text: `select id, operations, constraints from key_grant where account = $1 and key_id = $2 and grantee_id = $3`,
    values: [account, keyId, granteeId],
  });
  return rows.map(({ id, operations, constraints }) => ({ id, operations, constraint: readConstraint(constraints) }));
}

/** Grants of a key by id, after a position. */
export async function pageOfGrants(db: Queryable, page: GrantPage): Promise<Grant[]> {
  const { rows } = await db.query<Row>({
    name: 'grant_page',
    text: `select ${columns} from key_grant
      where account = $1 and key_id = $2 and ($3::text is null or id = $3) and ($4::text is null or grantee = $4)
        and id > $5 order by id limit $6`,
    values: [page.account, page.keyId, page.grantId ?? null, page.grantee ?? null, page.after, page.limit],
  });
  return rows.map(toGrant);
}

/** Grants that a principal may retire, on the keys of all accounts. */
export async function pageOfRetirable(db: Queryable, page: RetirablePage): Promise<Grant[]> {
  const { rows } = await db.query<Row>({
    name: 'grant_retirable',
    text: `select ${columns} from key_grant where retiring_id = $1 and retiring = $2 and (account, key_id, id) > ($3, $4, $5)
      order by account, key_id, id limit $6`,
    values: [page.retiringId, page.retiring, ...page.after, page.limit],
  });
  return rows.map(toGrant);
}

/** The grant of the same name with the same contents; the key is locked, so two cannot be made at once. */
export async function findSame(tx: Queryable, wanted: Grant): Promise<Grant | undefined> {
  if (wanted.name === null) return undefined;
  const { rows } = await tx.query<Row>({
    name: 'grant_same',
    text: `select ${columns} from key_grant where account = $1 and key_id = $2 and name = $3 and grantee = $4
      and grantee_id = $5 and retiring is not distinct from $6 and retiring_id is not distinct from $7
      and operations = $8 and constraints = $9 and issuing_account = $10 order by id limit 1`,
    values: [
      ...[wanted.account, wanted.keyId, wanted.name, wanted.grantee, wanted.granteeId, wanted.retiring],
      ...[wanted.retiringId, wanted.operations, writeConstraint(wanted.constraint), wanted.issuingAccount],
    ],
  });
  return rows[0] && toGrant(rows[0]);
}

export async function countGrants(tx: Queryable, account: string, keyId: string): Promise<number> {
  const { rows } = await tx.query<{ count: number }>({
    name: 'grant_count',
    text: 'select count(*)::integer as count from key_grant where account = $1 and key_id = $2',
    values: [account, keyId],
  });
  return rows[0]?.count ?? 0;
}

export async function insertGrant(tx: Queryable, grant: Grant): Promise<void> {
  await tx.query({
    name: 'grant_insert',
    text: `insert into key_grant (${columns}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    values: [
      ...[grant.account, grant.keyId, grant.id, grant.name, grant.createdAt, grant.issuingAccount, grant.grantee],
      ...[grant.granteeId, grant.retiring, grant.retiringId, grant.operations, writeConstraint(grant.constraint)],
    ],
  });
}

/** False when it was gone already. */
export async function deleteGrant(tx: Queryable, { account, keyId, id }: Grant): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'grant_delete',
    text: 'delete from key_grant where account = $1 and key_id = $2 and id = $3',
    values: [account, keyId, id],
  });
  return rowCount === 1;
}

type Pairs = readonly (readonly [name: string, value: string])[];

/** The same constraint is always the same text: that is how two requests are compared. */
function writeConstraint({ equals, subset }: GrantConstraint): string {
  const pairs = (context: Readonly<Record<string, string>> | undefined): Pairs | undefined =>
    context && Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify({ equals: pairs(equals), subset: pairs(subset) });
}

function readConstraint(text: string): GrantConstraint {
  const { equals, subset } = JSON.parse(text) as { equals?: Pairs; subset?: Pairs };
  // Not by assignment, which would lose a name like __proto__.
  return {
    ...(equals && { equals: Object.fromEntries(equals) }),
    ...(subset && { subset: Object.fromEntries(subset) }),
  };
}

function toGrant(row: Row): Grant {
  return {
    account: row.account,
    keyId: row.key_id,
    id: row.id,
    name: row.name,
    createdAt: row.created_at,
    issuingAccount: row.issuing_account,
    grantee: row.grantee,
    granteeId: row.grantee_id,
    retiring: row.retiring,
    retiringId: row.retiring_id,
    operations: row.operations,
    constraint: readConstraint(row.constraints),
  };
}
