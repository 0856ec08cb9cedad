-- Roles, what trusts them, and the sessions that they and users issue.

create table role (
  account text not null references account,
  -- Unique over all accounts: a policy may name nothing else.
  id text not null unique,
  name text not null,
  name_key text collate "C" not null,
  path text not null,
  description text,
  -- Seconds.
  max_session_duration integer not null,
  -- The trust policy as it was written, and {ARN: unique id} of the principals that it names.
  trust_policy text not null,
  trust_principals jsonb not null,
  boundary_arn text,
  tags jsonb not null,
  created_at timestamptz not null,
  last_used_at timestamptz,
  last_used_region text,
  primary key (account, id),
  unique (account, name_key)
);

create table instance_profile (
  account text not null references account,
  id text not null,
  name text not null,
  name_key text collate "C" not null,
  path text not null,
  role_id text,
  tags jsonb not null,
  created_at timestamptz not null,
  primary key (account, id),
  unique (account, name_key),
  foreign key (account, role_id) references role (account, id)
);
create index instance_profile_of_role on instance_profile (account, role_id);

create table oidc_provider (
  account text not null references account,
  -- The issuer without https://, as the ARN and the condition keys have it.
  name text collate "C" not null,
  -- The issuer as it was given.
  url text not null,
  -- ["…"]
  client_ids jsonb not null,
  thumbprints jsonb not null,
  tags jsonb not null,
  created_at timestamptz not null,
  primary key (account, name)
);

create table session (
  -- Unique over all accounts: a request names nothing but its key.
  access_key_id text collate "C" primary key,
  account text not null,
  -- The role's or user's id; the account for its root user.
  issuer_id text not null,
  -- The role session's name; null for sessions of users and root.
  name text,
  -- The secret under iam-service's AWS-owned key, with the access key id as encryption context.
  wrapped_secret bytea not null,
  -- The session token itself is kept by nobody.
  token_sha256 bytea not null,
  -- {"policies": [{"name", "document"}], "tags", "transitiveTagKeys", "sourceIdentity", "federated"}
  facts jsonb not null,
  issued_at timestamptz not null,
  expires_at timestamptz not null
);
create index session_of_issuer on session (account, issuer_id);
create index session_expiry on session (expires_at);

alter table attachment drop constraint attachment_holder_kind_check;
alter table attachment add constraint attachment_holder_kind_check check (holder_kind in ('user', 'group', 'role'));
alter table inline_policy drop constraint inline_policy_holder_kind_check;
alter table inline_policy add constraint inline_policy_holder_kind_check check (holder_kind in ('user', 'group', 'role'));

grant select, insert, update, delete on role, instance_profile, oidc_provider to keystead_iam;
grant select, insert, delete on session to keystead_iam;
