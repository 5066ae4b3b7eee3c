-- Which process may record which entry: as rows, so that a new kind of entry adds one and the trigger stays as it is. No process
-- may write here.
create table ledger_recorder (
  process text not null,
  type text not null,
  primary key (process, type)
);
insert into ledger_recorder (process, type)
  select process, unnest(types) from (values
    ('gate_intake', array['bundle.admitted', 'bundle.refused', 'git.head', 'configuration.changed',
      'repository.frozen', 'repository.released', 'ledger.contradicted', 'promotion.renewed']),
    ('gate_web', array['passkey.enrolled', 'approval.recorded', 'approval.withdrawn', 'rebuild.attested',
      'stop.placed', 'break-glass.asked', 'break-glass.withdrawn']),
    ('gate_authority', array['credential.requested', 'attestation.issued', 'stop.lifted',
      'break-glass.used', 'break-glass.reviewed']),
    ('gate_deliverer', array['delivery.intent', 'credential.issued', 'hook.started', 'hook.finished',
      'delivery.stage', 'delivery.finished', 'delivery.announced', 'stop.placed']),
    ('gate_watchdog', array['credential.revoked', 'delivery.finished', 'break-glass.unreviewed'])
  ) as rules (process, types);

create or replace function ledger_pending_by_its_recorder() returns trigger language plpgsql as $$
declare
  rule record;
  opening bytea;
begin
  for rule in
    -- By its full name: a temporary table of the caller’s would come first.
    select * from public.ledger_recorder
    -- A login role that an installation made a member of a process's role counts as that process.
    where to_regrole(process) is not null and pg_has_role(current_user, process, 'usage')
  loop
    opening := convert_to(format('{"v":1,"type":"%s","at":"', rule.type), 'UTF8');
    if substring(new.body from 1 for octet_length(opening)) = opening then
      return new;
    end if;
  end loop;
  raise exception 'ledger: % may not record this entry; each process records what it does itself', current_user
    using errcode = 'insufficient_privilege';
end $$;
