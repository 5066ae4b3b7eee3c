-- Whether a delivery is seen to be well before its release is live; null where the target file asks for no such look. `due`
-- and `failed` are no end: whoever ends a delivery that stands there does not call it succeeded.
alter table delivery add column verification text check (verification in ('due', 'passed', 'failed', 'returned'));

-- As before; the deliverer also records how each wave, the verification and the return to an earlier release went.
create or replace function ledger_pending_by_its_recorder() returns trigger language plpgsql as $$
declare
  rule record;
  opening bytea;
begin
  for rule in
    select * from (values
      ('gate_intake', array['bundle.admitted', 'bundle.refused', 'git.head', 'configuration.changed',
        'repository.frozen', 'repository.released', 'ledger.contradicted', 'promotion.renewed']),
      ('gate_web', array['passkey.enrolled', 'approval.recorded', 'approval.withdrawn', 'rebuild.attested']),
      ('gate_authority', array['credential.requested', 'attestation.issued']),
      ('gate_deliverer', array['delivery.intent', 'credential.issued', 'hook.started', 'hook.finished',
        'delivery.stage', 'delivery.finished']),
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
