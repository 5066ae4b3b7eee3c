-- What people ask of a promotion beside its approvals is one of two kinds: break-glass, or that its windows are overridden.
alter table break_glass_act rename to waiver_act;
alter index break_glass_act_promotion rename to waiver_act_promotion;
alter trigger break_glass_act_append_only on waiver_act rename to waiver_act_append_only;
alter table waiver_act add column kind text not null default 'break-glass'
  check (kind in ('break-glass', 'override'));
alter table waiver_act alter column kind drop default;

insert into ledger_recorder (process, type) values
  ('gate_web', 'override.asked'),
  ('gate_web', 'override.withdrawn'),
  ('gate_authority', 'override.used'),
  ('gate_authority', 'override.reviewed'),
  ('gate_watchdog', 'override.unreviewed');
