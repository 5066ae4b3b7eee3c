-- A passkey in force vouches for another one of the same person before that one is added.
alter table co_signature drop constraint co_signature_kind_check;
alter table co_signature add constraint co_signature_kind_check check (kind in ('review', 'vouch'));

alter table webauthn_challenge drop constraint webauthn_challenge_kind_check;
alter table webauthn_challenge add constraint webauthn_challenge_kind_check
  check (kind in ('enrolment', 'approval', 'lift', 'review', 'vouch'));
