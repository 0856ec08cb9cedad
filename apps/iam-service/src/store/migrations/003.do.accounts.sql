-- The root user of an account has access keys of its own, which belong to no row of iam_user.
alter table access_key alter column user_id drop not null;

-- A name for the account, unique over all of them.
alter table account add column alias text collate "C" unique;

-- delete: test mode forgets all accounts but the first.
grant update (alias), delete on account to keystead_iam;
