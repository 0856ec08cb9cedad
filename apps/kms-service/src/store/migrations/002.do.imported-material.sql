-- Imported material: it may be missing for a while, it may expire, and its import tokens are good for one import.

-- Null while imported material is deleted or expired; the same material may be imported again.
alter table key_material alter column token drop not null;
-- When a rotation made the material current; null for the first and for imported material that waits for its rotation.
alter table key_material add column rotated_at timestamptz;
update key_material set rotated_at = created_at where rotation_type is not null;
-- When imported material expires; null when it does not.
alter table key_material add column valid_to timestamptz;
-- What was said about imported material.
alter table key_material add column description text;
create index key_material_expiry on key_material (valid_to) where valid_to is not null;

-- Import tokens that have been used, by the SHA-256 of the token. Rows are kept longer than a token is valid.
create table spent_import_token (
  account text not null,
  token_hash bytea not null,
  spent_at timestamptz not null default now(),
  primary key (account, token_hash)
);
create index spent_import_token_age on spent_import_token (spent_at);

grant update on key_material to keystead_kms;
grant select, insert, delete on spent_import_token to keystead_kms;
