/**
 * A passkey is taken away: by its person at any time, and by everybody who decides while it waits, because then it may be of
 * somebody who signed in as its person. It needs a session and no passkey: saying no must be cheap, and nobody gains by it.
 */
import { enrolmentDigest } from '@airlock/common/approval/count-approvals';
import { DecisionError } from './decision-error.ts';
import { enrollerIn } from './enrol-passkey.ts';
import { ledgerFacts, type FactSources } from './fact-sources.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { Recorder } from './ledger-ports.ts';
import type { PasskeyStore } from './passkey-ports.ts';
import type { Transactor } from './ports.ts';

/** @throws DecisionError `person-unknown`, `role-missing`, `passkey-unknown`, `passkey-counts` */
export type WithdrawPasskey = (nameId: string, credentialId: string) => Promise<void>;

export function createPasskeyWithdrawal(ports: {
  readonly database: Transactor;
  readonly passkeys: Pick<PasskeyStore, 'find' | 'revoke'>;
  readonly proofs: FactSources['proofs'];
  readonly recorder: Recorder;
  readonly files: () => Promise<GateFiles>;
  readonly now: () => Date;
}): WithdrawPasskey {
  return async (nameId, credentialId) => {
    const person = enrollerIn(await ports.files(), nameId);
    const passkey = await ports.passkeys.find(credentialId);
    if (passkey === null || passkey.revokedAt !== null) {
      throw new DecisionError('passkey-unknown', 'There is no such passkey, or none any more.');
    }
    const digest = enrolmentDigest(passkey);
    const answer = await ledgerFacts(ports);
    if ('fault' in answer && passkey.person !== person.id) {
      throw new DecisionError(
        'passkey-counts',
        `Whether it counts cannot be proven now (${answer.fault}); nothing is delivered until then, and ${passkey.person} alone withdraws it.`,
      );
    }
    const known = 'fault' in answer ? null : answer.facts.enrolment(digest);
    const at = ports.now();
    // What the ledger does not have yet counts for nothing, and is taken away like one that waits.
    if (passkey.person !== person.id && known !== null && known.countsFrom <= at) {
      throw new DecisionError(
        'passkey-counts',
        `It counts since ${known.countsFrom.toISOString()}: only ${passkey.person} withdraws it here now. Quarantine the person on the page of controls, and have two administrators take it out of roster.yaml.`,
      );
    }
    await ports.database.transaction(async (tx) => {
      await ports.passkeys.revoke(tx, credentialId, at);
      await ports.recorder.record(tx, {
        type: 'passkey.withdrawn',
        at,
        actor: `person:${person.id}`,
        subjectDigest: digest,
        refs: { person: passkey.person },
      });
    });
  };
}
