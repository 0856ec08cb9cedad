-- What kms-service knows of the root of the HSM: replicas of hsm-service get newer roots from here, and one that is
-- older than this, or another one, is not used (ADR 0108).

create table hsm_root (
  only_row boolean primary key default true check (only_row),
  -- 16 bytes.
  domain_id bytea not null,
  generation bigint not null,
  -- SHA-256 of sealed_root.
  file_hash bytea not null,
  -- The root file, which nobody but a recipient opens.
  sealed_root bytea not null,
  -- A token of an epoch below this one is not stored any more: its domain key may be destroyed (ADR 0107).
  first_epoch bigint not null default 1,
  seen_at timestamptz not null default now()
);

-- The domain key that wraps a token, from the token's own bytes, so that it can never be another.
alter table key_material add column epoch bigint generated always as (
  get_byte(token, 12)::bigint * 16777216 + get_byte(token, 13) * 65536 + get_byte(token, 14) * 256 + get_byte(token, 15)
) stored;
create index key_material_by_epoch on key_material (epoch, account, key_id, generation) where epoch is not null;

-- Workers that only one process at a time shall do; the holder renews its row, and whoever finds it old takes it over.
create table worker_lease (
  worker text primary key,
  holder text not null,
  held_until timestamptz not null
);

grant select, insert, update on hsm_root to keystead_kms;
grant select, insert, update on worker_lease to keystead_kms;
