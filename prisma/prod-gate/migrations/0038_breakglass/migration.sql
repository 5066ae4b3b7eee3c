-- That somebody asked that a promotion pass by break-glass, or took that back. The row only says which document intake makes:
-- what counts is what approvers sign, and that has all of it.
create table break_glass_act (
  id bigint generated always as identity primary key,
  promotion_id text not null references promotion (id),
  act text not null check (act in ('ask', 'withdraw')),
  person text not null,
  -- Empty where it is taken back.
  justification text not null,
  at timestamptz(3) not null
);
create index break_glass_act_promotion on break_glass_act (promotion_id, id);

-- What several people sign, each for themselves; verified from these bytes by the authority.
create table co_signature (
  kind text not null check (kind = 'review'),
  -- A delivery that was looked at.
  subject_id text not null,
  person text not null,
  statement bytea not null,
  credential_id text not null,
  authenticator_data text not null,
  client_data_json text not null,
  signature text not null,
  sign_count_before bigint not null,
  nonce text primary key,
  signed_at timestamptz(3) not null
);
create index co_signature_subject on co_signature (kind, subject_id);

create function said_and_kept() returns trigger language plpgsql as $$
begin
  raise exception 'what people said stays as they said it: % on % refused', tg_op, tg_table_name;
end $$;
create trigger break_glass_act_append_only before update or delete on break_glass_act
  for each statement execute function said_and_kept();
create trigger co_signature_append_only before update or delete on co_signature
  for each statement execute function said_and_kept();

alter table webauthn_challenge drop constraint webauthn_challenge_kind_check;
alter table webauthn_challenge add constraint webauthn_challenge_kind_check
  check (kind in ('enrolment', 'approval', 'lift', 'review'));

-- As before; web records that somebody asks for break-glass, the authority that it was used and looked at, the watchdog that a
-- review was not made in time, which freezes the target.
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
        'stop.placed', 'break-glass.asked', 'break-glass.withdrawn']),
      ('gate_authority', array['credential.requested', 'attestation.issued', 'stop.lifted',
        'break-glass.used', 'break-glass.reviewed']),
      ('gate_deliverer', array['delivery.intent', 'credential.issued', 'hook.started', 'hook.finished',
        'delivery.stage', 'delivery.finished', 'delivery.announced', 'stop.placed']),
      ('gate_watchdog', array['credential.revoked', 'delivery.finished', 'break-glass.unreviewed'])
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
