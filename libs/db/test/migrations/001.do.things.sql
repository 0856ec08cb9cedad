create table thing (id bigint primary key, name text not null);
grant select, insert on thing to keystead_sample;
