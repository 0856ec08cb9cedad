-- The last use of each key for cryptography: who may disable or delete a key can be made to depend on it (ADR 0122).

create table key_last_use (
  account text not null,
  key_id text collate "C" not null,
  -- AWS's name of the operation.
  operation text not null,
  used_at timestamptz not null,
  -- In the log of the key's owner.
  event_id text not null,
  request_id text not null,
  primary key (account, key_id),
  foreign key (account, key_id) references key (account, id) on delete cascade
);

-- Since when uses are written down: of older keys nothing is known before.
create table key_use_tracking (
  only_row boolean primary key default true check (only_row),
  since timestamptz not null default now()
);
insert into key_use_tracking default values;

grant select, insert, update, delete on key_last_use to keystead_kms;
grant select on key_use_tracking to keystead_kms;
