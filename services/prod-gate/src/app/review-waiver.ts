/**
 * Others look at a delivery by break-glass or outside its windows. Each signs, with their own passkey, the digest of the document that has the
 * justification; the authority alone verifies the signatures from their bytes and records that the review is made.
 */
import { createHash } from 'node:crypto';
import { countCoSignatures } from '@airlock/common/approval/co-signature';
import { reviewMatter, stopRoles } from '@airlock/common/approval/lift';
import { isOwed, type WaiverUse } from '../domain/waiver.ts';
import type { CoSignatureStore, KeptCoSignature } from './waiver-ports.ts';
import {
  createCoSigning,
  type CoSignCeremony,
  type CoSignPorts,
  type SignedAnswer,
} from './co-sign.ts';
import { DecisionError } from './decision-error.ts';
import type { FollowLedger } from './follow-ledger.ts';
import { enrolledPasskeys } from './judge-approvals.ts';
import type { FactSources } from './fact-sources.ts';
import { mayStop } from './place-stop.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { Recorder } from './ledger-ports.ts';
import type { Transactor } from './ports.ts';

export interface Reviewing {
  /** @throws DecisionError `person-unknown`, `role-missing`, `review-over`, `involved-never-counts`, `passkey-missing` */
  begin(nameId: string, deliveryId: string): Promise<CoSignCeremony>;
  /** @throws DecisionError also `ceremony-expired`, `passkey-unknown`, `passkey-refused` */
  sign(
    nameId: string,
    deliveryId: string,
    given: SignedAnswer,
  ): Promise<{ have: number; need: number }>;
}

type Sources = Pick<FactSources, 'gate' | 'passkeys' | 'proofs'> & {
  readonly signatures: CoSignatureStore;
  readonly files: () => Promise<Pick<GateFiles, 'roster'>>;
  readonly ledger: FollowLedger;
};

export function createReviewing(ports: Omit<Sources, 'passkeys'> & CoSignPorts): Reviewing {
  const signing = createCoSigning(
    { matter: reviewMatter, kind: 'review' },
    { ...ports, keep: (tx, kept) => ports.signatures.insert(tx, 'review', kept) },
  );

  async function owed(nameId: string, deliveryId: string) {
    const person = mayStop(await ports.files(), nameId);
    const uses = (await ports.ledger()).waiverUses();
    const use = uses.find((each) => each.deliveryId === deliveryId && isOwed(each));
    if (use === undefined) {
      throw new DecisionError('review-over', 'This review is made, or none is owed.');
    }
    if (use.involved.includes(person.id)) {
      throw new DecisionError(
        'involved-never-counts',
        'You asked for this or approved it; somebody else looks at it.',
      );
    }
    return { person, use, subject: subjectOf(use) };
  }

  return {
    async begin(nameId, deliveryId) {
      const { person, subject } = await owed(nameId, deliveryId);
      return signing.begin(person.id, subject);
    },

    async sign(nameId, deliveryId, given) {
      const { person, use, subject } = await owed(nameId, deliveryId);
      await signing.sign(person.id, subject, given);
      const { people } = await judgeReviews(ports, use, ports.now());
      return { have: people.length, need: use.reviews };
    },
  };
}

const subjectOf = ({ deliveryId, promotionDigest }: WaiverUse) => ({
  ...{ id: deliveryId, digest: promotionDigest },
});

/** Who has validly signed, from the stored bytes, the roster and the ledger's enrolments. */
export async function judgeReviews(
  sources: Sources,
  use: WaiverUse,
  at: Date,
): Promise<
  ReturnType<typeof countCoSignatures> & { readonly signatures: readonly KeptCoSignature[] }
> {
  const signatures = await sources.signatures.of('review', use.deliveryId);
  if (signatures.length === 0) return { people: [], discounted: [], signatures };
  const passkeys = await enrolledPasskeys(sources, signatures);
  const { roster } = (await sources.files()).roster;
  const counted = countCoSignatures({
    ...{ matter: reviewMatter, of: subjectOf(use), roles: stopRoles, never: use.involved },
    ...{ gate: sources.gate, roster, signatures, passkeys, at },
  });
  return { ...counted, signatures };
}

/**
 * The authority's pass: records every review as made that enough others have validly signed. Recorded twice it says the same.
 *
 * @returns what is reviewed now.
 */
export function createReviewPass(
  ports: Sources & {
    readonly transactor: Transactor;
    readonly recorder: Recorder;
    readonly clock: () => Date;
  },
): () => Promise<readonly { readonly delivery: string; readonly people: readonly string[] }[]> {
  const recorded = new Set<string>();
  return async () => {
    const facts = await ports.ledger();
    const done: { delivery: string; people: readonly string[] }[] = [];
    for (const use of facts.waiverUses().filter(isOwed)) {
      if (recorded.has(use.deliveryId)) continue;
      const at = ports.clock();
      const { people, signatures } = await judgeReviews(ports, use, at);
      if (people.length < use.reviews) continue;
      const first = people.slice(0, use.reviews);
      await ports.transactor.transaction(async (tx) => {
        await ports.recorder.record(tx, {
          ...{ type: `${use.kind}.reviewed`, at, actor: 'authority' },
          subjectDigest: use.promotionDigest,
          refs: {
            ...{ delivery: use.deliveryId, promotion: use.promotionId, people: first.join(' ') },
            // So that whoever has the ledger knows which signatures it was.
            signatures: createHash('sha256')
              .update(Buffer.concat(signatures.map(({ statement }) => statement)))
              .digest('hex'),
          },
        });
      });
      recorded.add(use.deliveryId);
      done.push({ delivery: use.deliveryId, people: first });
    }
    return done;
  };
}
