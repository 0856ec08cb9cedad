-- The journal: leaves of an RFC 6962 Merkle tree, its head, and the index by which records are looked up.
-- Why postings and not btrees over columns: docs/adr/0050-the-journal-is-indexed-by-postings.md.

create table audit_leaf (
  -- Position in the tree, from 0 without gaps.
  idx bigint primary key,
  -- The record's eventID. A record that is delivered twice is kept once.
  event_id uuid not null,
  -- The "t" of the leaf.
  appended_at timestamptz not null,
  -- The exact bytes that are hashed: RFC 8785 JSON {"rec":…,"seq":"<idx>","t":"…","v":1}.
  body bytea not null,
  -- SHA-256(00 || body).
  leaf bytea not null,
  -- JSON [{"type","name"}] by which LookupEvents shows the record; null when they are the record's own "resources".
  resources text,
  constraint audit_leaf_event_id unique (event_id)
);

-- The head of the tree; one row. A batch moves it by compare-and-set on size and epoch.
create table audit_tree (
  id smallint primary key check (id = 1),
  size bigint not null,
  -- Roots of the perfect subtrees of size's binary digits, largest first, 32 bytes each.
  frontier bytea not null,
  root bytea not null,
  -- The epoch of the leader that may append.
  epoch bigint not null,
  -- The "t" of the newest leaf: time in the journal never runs backwards.
  appended_at timestamptz not null
);
-- RFC 6962 §2.1: the root of the empty tree is the hash of the empty string.
insert into audit_tree (id, size, frontier, root, epoch, appended_at)
values (1, 0, ''::bytea, decode('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 'hex'), 0, '1970-01-01T00:00:00Z');

-- The lease of the one replica that appends; epoch is the fencing token.
create table audit_leader (
  id smallint primary key check (id = 1),
  holder text not null,
  epoch bigint not null,
  expires_at timestamptz not null
);
insert into audit_leader (id, holder, epoch, expires_at) values (1, '', 0, '1970-01-01T00:00:00Z');

-- Which leaves of one batch carry a term (account, category, attribute, value; hashed to 64 bits) in one second of event time.
create table audit_posting (
  term bigint not null,
  -- eventTime in seconds since 1970.
  at bigint not null,
  -- idx of the first leaf of the batch.
  batch bigint not null,
  -- Offsets from batch, ascending, two bytes each, big-endian.
  members bytea not null,
  primary key (term, at, batch)
);

-- Leaves below this are hidden from look-ups (Reset, in test mode only). They stay in the tree.
create table audit_floor (
  id smallint primary key check (id = 1),
  idx bigint not null
);
insert into audit_floor (id, idx) values (1, 0);

-- Nobody may change or remove what is written.
grant select, insert on audit_leaf, audit_posting to keystead_audit;
grant select, update on audit_tree, audit_leader, audit_floor to keystead_audit;
