create table bucket (
  name text primary key,
  account text not null,
  created_at timestamptz not null,
  -- Null: SSE-S3, as S3 answers for a bucket without a configuration.
  encryption jsonb
);

create index bucket_by_account on bucket (account, name);

-- The index of objects. It can be rebuilt from the records that lie beside the objects.
create table object (
  bucket text not null references bucket (name),
  -- UTF-8 bytes, so that the order is S3's whatever the database's collation is.
  key bytea not null,
  -- The record with its MAC, byte for byte as it lies beside the object.
  record text not null,
  size bigint not null,
  etag text not null,
  modified_at timestamptz not null,
  checksum_algorithm text,
  checksum_type text,
  primary key (bucket, key)
);

create table upload (
  id text primary key,
  bucket text not null references bucket (name),
  key bytea not null,
  initiated_at timestamptz not null,
  initiator text not null,
  initiator_name text not null,
  headers jsonb not null,
  encryption jsonb not null,
  -- What the caller sees again of its encryption headers.
  checksum_algorithm text,
  checksum_type text
);

create index upload_by_key on upload (bucket, key, id);

create table part (
  upload_id text not null references upload (id) on delete cascade,
  number integer not null,
  blob text not null,
  size bigint not null,
  etag text not null,
  commitment text not null,
  checksum text,
  modified_at timestamptz not null,
  primary key (upload_id, number)
);

-- Blobs that no object names any more and that the sweeper is to remove.
create table garbage (
  blob text primary key,
  since timestamptz not null default now()
);

grant usage on schema gateway to keystead_gateway;
grant select, insert, update, delete on bucket, object, upload, part, garbage to keystead_gateway;
