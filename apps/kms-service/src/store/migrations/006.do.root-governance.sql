-- Operators and rules of the root that is kept: who may give it up for an older one (ADR 0142). Null until a replica of
-- hsm-service that has the root open has told them.
alter table hsm_root add column governance jsonb;
