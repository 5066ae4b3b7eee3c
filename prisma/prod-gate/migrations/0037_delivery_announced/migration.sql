-- As before; the deliverer also records what it will start and when, where the target asks for time before that.
create or replace function ledger_pending_by_its_recorder() returns trigger language plpgsql as $$
declare
  rule record;
  opening bytea;
begin
  for rule in
    select * from (values
      ('gate_intake', array['bundle.admitted', 'bundle.refused', 'git.head', 'configuration.changed',
        'repository.frozen', 'repository.released', 'ledger.contradicted', 'promotion.renewed']),
      ('gate_web', array['passkey.enrolled', 'approval.recorded', 'approval.withdrawn', 'rebuild.attested',
        'stop.placed']),
      ('gate_authority', array['credential.requested', 'attestation.issued', 'stop.lifted']),
      ('gate_deliverer', array['delivery.intent', 'credential.issued', 'hook.started', 'hook.finished',
        'delivery.stage', 'delivery.finished', 'delivery.announced', 'stop.placed']),
      ('gate_watchdog', array['credential.revoked', 'delivery.finished'])
    ) as rules (process, types)
    -- A login role that an installation made a member of a process's role counts as that process.
    where to_regrole(process) is not null and pg_has_role(current_user, process, 'usage')
  loop
    for place in 1 .. array_length(rule.types, 1) loop
      opening := convert_to(format('{"v":1,"type":"%s","at":"', rule.types[place]), 'UTF8');
      if substring(new.body from 1 for octet_length(opening)) = opening then
        return new;
      end if;
    end loop;
  end loop;
  raise exception 'ledger: % may not record this entry; each process records what it does itself', current_user
    using errcode = 'insufficient_privilege';
end $$;
