/**
 * Adding a passkey takes more than a session: somebody who has one in force signs with it for the further one. Whoever has
 * none in force (a first one, or the lost one withdrawn) goes by the roster and the day alone. This process could leave the
 * signature out; what it records would still count for nothing before two administrators have signed its line.
 */
import { enrolmentDigest } from '@airlock/common/approval/count-approvals';
import { vouchMatter } from '@airlock/common/approval/lift';
import { sha256Hex } from '@airlock/common/encoding/hex';
import {
  createCoSigning,
  type CoSignCeremony,
  type CoSignPorts,
  type SignedAnswer,
} from './co-sign.ts';
import type { GateFiles } from './configuration-ports.ts';
import { DecisionError } from './decision-error.ts';
import { ledgerFacts, type FactSources } from './fact-sources.ts';
import type { Transaction } from './ports.ts';
import type { CoSignatureStore } from './waiver-ports.ts';

export type Vouching = {
  /** Whether this person has to. @throws DecisionError `vouch-missing` while the ledger cannot be proven. */
  isNeeded(person: string): Promise<boolean>;
  /** @param digest of the enrolment to come (`enrolmentDigest`). @throws DecisionError `vouch-missing`, `passkey-missing` */
  begin(person: string, digest: string): Promise<CoSignCeremony>;
  /**
   * Keeps the signature, in the transaction that adds the passkey.
   *
   * @returns references of the ledger's entry: SHA-256 of the statement, and of the id of the credential that signed it; none
   *   where nobody has to vouch.
   * @throws DecisionError `vouch-missing`, `ceremony-expired`, `passkey-unknown`, `passkey-refused`
   */
  take(
    tx: Transaction,
    person: string,
    given: { readonly digest: string; readonly vouch: SignedAnswer | null },
  ): Promise<Readonly<Record<string, string>>>;
};

export function createVouching(
  ports: CoSignPorts & {
    readonly proofs: FactSources['proofs'];
    readonly signatures: Pick<CoSignatureStore, 'insert'>;
    readonly files: () => Promise<Pick<GateFiles, 'roster'>>;
  },
): Vouching {
  const signing = createCoSigning(
    { matter: vouchMatter, kind: 'vouch' },
    { ...ports, keep: (tx, kept) => ports.signatures.insert(tx, 'vouch', kept) },
  );

  /** Credentials of the person that a browser can ask for, and that count now because a signed roster lists them. */
  async function inForce(person: string): Promise<ReadonlySet<string>> {
    const { roster } = (await ports.files()).roster;
    const listed = roster.people.find(({ id }) => id === person)?.passkeys;
    // Where the roster lists nobody's, which is the demo's, each counts by this process's word: none is better than another.
    if (listed === undefined) return new Set();
    const mine = (await ports.passkeys.ofPerson(person)).filter(
      ({ revokedAt, origin, rpId }) =>
        revokedAt === null && origin === ports.gate && rpId === ports.rpId,
    );
    const answer = await ledgerFacts(ports);
    if ('fault' in answer) {
      throw new DecisionError(
        'vouch-missing',
        `Whether a passkey of yours is in force cannot be proven now (${answer.fault}), so that none is added. Somebody of platform looks at the gate's ledger; try again afterwards.`,
      );
    }
    const at = ports.now();
    return new Set(
      mine
        .filter((passkey) => {
          const digest = enrolmentDigest(passkey);
          const known = answer.facts.enrolment(digest);
          if (known === null || known.person !== person || known.withdrawnAt !== null) return false;
          return listed.includes(digest) && known.countsFrom <= at;
        })
        .map(({ credentialId }) => credentialId),
    );
  }

  return {
    async isNeeded(person) {
      return (await inForce(person)).size > 0;
    },

    async begin(person, digest) {
      const usable = await inForce(person);
      const ceremony = await signing.begin(person, { id: digest, digest });
      return { ...ceremony, credentialIds: ceremony.credentialIds.filter((id) => usable.has(id)) };
    },

    async take(tx, person, { digest, vouch }) {
      const usable = await inForce(person);
      if (usable.size === 0) return {};
      if (vouch === null || !usable.has(vouch.answer.credentialId)) {
        throw new DecisionError(
          'vouch-missing',
          'You have a passkey in force: sign with it for the one that you add. If it is lost, withdraw it on your page (/me) first; then two administrators and a day decide about the new one.',
        );
      }
      const subject = { id: digest, digest };
      const { statement, credentialId } = await signing.signWithin(tx, person, subject, vouch);
      return { vouch: sha256Hex(statement), vouchedBy: sha256Hex(Buffer.from(credentialId)) };
    },
  };
}
