-- Grants: each lets one principal use one key, beside the policies.

create table key_grant (
  -- The owner of the key.
  account text not null,
  key_id text collate "C" not null,
  id text collate "C" not null check (id ~ '^[0-9a-f]{64}$'),
  name text,
  created_at timestamptz not null,
  -- The account of whoever made the grant.
  issuing_account text not null,
  -- The ARN as it was given, and the unique id that it had then; an account has its 12 digits.
  grantee text not null,
  grantee_id text collate "C" not null,
  retiring text,
  retiring_id text collate "C",
  -- Sorted.
  operations text[] not null,
  -- JSON with sorted pairs, so that the same constraints are the same text. Not jsonb, which takes no U+0000.
  constraints text not null,
  primary key (account, key_id, id),
  foreign key (account, key_id) references key (account, id) on delete cascade,
  check ((retiring is null) = (retiring_id is null))
);
create index key_grant_of_grantee on key_grant (account, key_id, grantee_id);
create index key_grant_of_retiring on key_grant (retiring_id, account, key_id, id) where retiring_id is not null;
create index key_grant_of_name on key_grant (account, key_id, name) where name is not null;

grant select, insert, delete on key_grant to keystead_kms;

-- Material goes with its key, by the cascade. By itself it may only be deleted while it waits for its rotation and has
-- never encrypted anything; the owner of the tables is not bound by this.
alter table key_material enable row level security;
create policy key_material_read on key_material for select to keystead_kms using (true);
create policy key_material_add on key_material for insert to keystead_kms with check (true);
create policy key_material_change on key_material for update to keystead_kms using (true);
create policy key_material_forget on key_material for delete to keystead_kms using (
  generation > (select k.generation from key k where k.account = key_material.account and k.id = key_material.key_id)
);
