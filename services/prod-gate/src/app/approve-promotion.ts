/**
 * A release manager approves: the passkey signs the statement that this process made, kept and showed; the row lock on the
 * promotion orders approvals, rejections and starts. Nothing here starts a delivery; the deliverer finds it by itself.
 */
import {
  enrolmentDigest,
  personOfRequester,
  rosterAllows,
} from '@airlock/common/approval/count-approvals';
import { createHash } from 'node:crypto';
import {
  approvalChallenge,
  approvalStatement,
  parseApprovalStatement,
  type ApprovalDecision,
} from '@airlock/common/approval/statement';
import { judgeApprovals } from '@airlock/common/approval/verify-approvals';
import { approvalCodes } from '@airlock/common/approval/approval-codes';
import { verifyApprovalSignature } from '@airlock/common/approval/verify-signature';
import { securityKeyApplication } from '@airlock/common/constants';
import type { Id } from '@airlock/common/ids';
import { formatTimestamp } from '@airlock/common/time';
import { parsePromotionDocument } from '@airlock/common/promotion/document';
import { waiverOf } from '@airlock/common/promotion/waiver';
import { rejectingRolesOf } from '@airlock/common/policy/needed-rules';
import type { NeededRule } from '@airlock/common/policy/target-approvals';
import type { TargetPolicy } from '@airlock/common/policy/target-policy';
import { mayReject, rulesFor, standingOf } from '../domain/access.ts';
import type { Promotion } from '../domain/promotion.ts';
import { peopleOfEmails, personByNameId, type Person } from '../domain/roster.ts';
import { changedSince, type ChangeSources } from './changed-since.ts';
import { DecisionError } from './decision-error.ts';
import { asDecisionError, ceremonyMinutes } from './ceremony.ts';
import type { ApprovalStore } from './approval-ports.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { Recorder } from './ledger-ports.ts';
import type { PasskeyStore } from './passkey-ports.ts';
import type { Transaction, Transactor } from './ports.ts';
import type { PromotionStore } from './promotion-ports.ts';

/** The browser's answer, base64url members as they come; of a security key its armoured signature and two empty texts. */
export interface AssertionAnswer {
  readonly credentialId: string;
  readonly authenticatorData: string;
  readonly clientDataJSON: string;
  readonly signature: string;
}

export interface ApprovalCeremony {
  /** base64url of SHA-256(PAE(type, statement)). */
  readonly challenge: string;
  readonly nonce: string;
  /** The canonical statement, as the page shows it and the passkey signs its hash. */
  readonly statement: string;
  readonly promotionDigest: string;
  readonly credentialIds: readonly string[];
}

export interface Decisions {
  /**
   * @param shown digest of the document that the person looked at; null where no page was.
   * @throws DecisionError for everything that would make the approval not count, before anybody touches a key;
   *   `promotion-changed` for another document than the one in force, with what differs.
   */
  beginApproval(
    nameId: string,
    promotionId: string,
    shown?: string | null,
  ): Promise<ApprovalCeremony>;
  approve(
    nameId: string,
    promotionId: string,
    given: { readonly nonce: string; readonly note: string; readonly answer: AssertionAnswer },
  ): Promise<{ approvalId: string; have: number; need: number }>;
  /** Saying no is cheap: a reason, no passkey. It ends the promotion. */
  reject(
    nameId: string,
    promotionId: string,
    given: { readonly reason: string; readonly version: number },
  ): Promise<void>;
}

interface Situation {
  readonly person: Person;
  readonly promotion: Promotion;
  readonly files: GateFiles;
  readonly policy: TargetPolicy;
  /** Those that the promotion must meet. */
  readonly rules: readonly NeededRule[];
  /** Roster ids of policy editors, as the promotion document has them. */
  readonly editors: readonly string[];
}

export function createDecisions(ports: {
  readonly relyingParty: { readonly rpId: string; readonly origin: string };
  readonly database: Transactor;
  readonly promotions: PromotionStore;
  readonly approvals: ApprovalStore;
  readonly replaced: ChangeSources['replaced'];
  readonly passkeys: PasskeyStore;
  readonly recorder: Recorder;
  readonly files: () => Promise<GateFiles>;
  readonly ringDeliverer: (promotionId: string) => void;
  readonly now: () => Date;
  readonly randomNonce: () => string;
  readonly newApprovalId: () => Id<'apr'>;
}): Decisions {
  const { database, promotions, approvals, passkeys, recorder } = ports;

  async function situationOf(nameId: string, promotion: Promotion | null): Promise<Situation> {
    const files = await ports.files();
    const person = personByNameId(files.roster.roster, nameId);
    if (person === null)
      throw new DecisionError('person-unknown', `${nameId} is not in the gate's roster.`);
    if (promotion === null)
      throw new DecisionError('promotion-unknown', 'There is no such promotion.');
    const policy = files.targets.get(promotion.target)?.policy;
    if (policy === undefined) {
      throw new DecisionError(
        'E_TARGET_UNKNOWN',
        `The gate has no file for the target ${promotion.target}; platform puts it back.`,
      );
    }
    if (promotion.state !== 'waiting') {
      throw new DecisionError(
        'E_NOT_WAITING',
        `This promotion is ${promotion.state} and takes no more decisions.`,
      );
    }
    if (promotion.expiresAt <= ports.now()) {
      throw new DecisionError(
        'E_NOT_WAITING',
        `It waited until ${promotion.expiresAt.toISOString()} and has expired; ask for the release again in nonprod.`,
      );
    }
    const evidence = await promotions.evidence(promotion.id);
    const document = evidence === null ? null : parsePromotionDocument(evidence.document);
    const waiver = document === null ? null : waiverOf(document);
    return {
      ...{ person, promotion, files, policy },
      rules: rulesFor(policy, promotion, promotion.delta, waiver?.kind ?? null),
      editors: document?.editors ?? [],
    };
  }

  function assertMayApprove({ person, promotion, files, rules, editors }: Situation): void {
    const standing = standingOf(person, {
      rules,
      roster: files.roster.roster,
      promotion: { requester: promotion.requester, emails: promotion.delta.emails, editors },
    });
    if (standing.may) return;
    if (standing.why === 'role-missing') {
      throw new DecisionError(
        'role-missing',
        `Approving this for ${promotion.target} takes the role ${standing.roles.join(' or ')}.`,
        { role: standing.roles.join(', ') },
      );
    }
    if (standing.why === 'requester') {
      throw new DecisionError(
        'requester-never-counts',
        'You asked for this promotion; somebody else decides.',
      );
    }
    if (standing.why === 'editor') {
      throw new DecisionError(
        'editor-never-counts',
        'You signed the gate’s configuration since the last delivery; somebody else decides.',
      );
    }
    throw new DecisionError(
      'author-never-counts',
      'You wrote or committed a change in this promotion; somebody else decides.',
    );
  }

  async function assertUndecided({ person, promotion }: Situation): Promise<void> {
    const mine = (await approvals.of(promotion.id)).find(
      (approval) =>
        approval.person === person.id &&
        approval.promotionDigest === promotion.promotionDigest &&
        approval.withdrawn === null,
    );
    if (mine !== undefined) {
      throw new DecisionError(
        'already-decided',
        `You decided on this promotion at ${mine.createdAt.toISOString()}: ${mine.decision}.`,
      );
    }
  }

  /** Judges this one approval by the kernel, exactly as authority and deliverer will judge it from the stored bytes. */
  async function judge(
    situation: Situation,
    statement: Buffer,
    answer: AssertionAnswer,
  ): Promise<{ before: number; after: number }> {
    const { person, promotion, files, rules, editors } = situation;
    const passkey = await passkeys.find(answer.credentialId);
    if (passkey === null || passkey.person !== person.id) {
      throw new DecisionError(
        'passkey-unknown',
        'That passkey is not one of yours here; enrol it on your page first.',
      );
    }
    // Authority and deliverer count only passkeys of the gate's own origin, so none other may be recorded.
    if (passkey.origin !== ports.relyingParty.origin) {
      throw new DecisionError(
        'passkey-unknown',
        `That passkey was enrolled at ${passkey.origin}, and the gate is ${ports.relyingParty.origin} now; add a new one on your page.`,
      );
    }
    if (!rosterAllows(person, passkey)) {
      throw new DecisionError(
        'passkey-unknown',
        `That passkey is enrolled and not in the roster yet; platform adds ${enrolmentDigest(passkey)} to passkeys of ${person.id} in roster.yaml.`,
      );
    }
    const credential = {
      id: passkey.credentialId,
      approver: passkey.person,
      publicKeyPem: passkey.publicKeyPem,
      rpId:
        passkey.rpId === securityKeyApplication ? securityKeyApplication : ports.relyingParty.rpId,
      origins: [ports.relyingParty.origin],
      signCount: passkey.signCount,
      roles: person.roles,
      // Whether it counts already is for whoever counts; the page says so.
      countsFrom: null,
      revokedAt: passkey.revokedAt,
    };
    const { discounted } = judgeApprovals({
      approvals: [{ statement: statement.toString('base64'), ...answer }],
      credentials: [credential],
      promotion: promotion.promotionDigest,
      target: promotion.target,
      decision: decisionOf(promotion),
      rules,
      requester:
        personOfRequester(files.roster.roster, promotion.requester)?.id ?? promotion.requester,
      authors: peopleOfEmails(files.roster.roster, promotion.delta.emails).people,
      editors,
      usedNonces: new Set(),
      now: ports.now(),
    });
    const [fault] = discounted;
    if (fault !== undefined) {
      const { meaning, mend } = approvalCodes[fault.code];
      throw new DecisionError(
        'passkey-refused',
        `${meaning} ${mend} (${fault.code}: ${fault.detail})`,
      );
    }
    const { signCount } = verifyApprovalSignature(answer, statement, credential);
    return { before: passkey.signCount, after: signCount };
  }

  return {
    async beginApproval(nameId, promotionId, shown = null) {
      const situation = await situationOf(nameId, await promotions.find(promotionId));
      if (shown !== null && shown !== situation.promotion.promotionDigest) {
        throw await changedSince(ports, { promotionId, shown, then: readAgain });
      }
      assertMayApprove(situation);
      await assertUndecided(situation);
      const { person, promotion, policy } = situation;
      const mine = (await passkeys.ofPerson(person.id)).filter(
        ({ revokedAt, origin }) => revokedAt === null && origin === ports.relyingParty.origin,
      );
      if (mine.length === 0) {
        throw new DecisionError(
          'passkey-missing',
          'You have no passkey here yet; add one on your page, then approve.',
        );
      }
      const now = ports.now();
      const nonce = ports.randomNonce();
      const notAfter = new Date(
        Math.min(promotion.expiresAt.getTime(), now.getTime() + policy.approvals.expires * 1000),
      );
      const statement = approvalStatement({
        decision: decisionOf(promotion),
        promotionDigest: promotion.promotionDigest,
        target: promotion.target,
        approver: person.id,
        nonce,
        notAfter: formatTimestamp(notAfter),
      });
      const ceremony = {
        nonce,
        kind: 'approval',
        person: person.id,
        promotionId: promotion.id,
        statement,
        expiresAt: new Date(now.getTime() + ceremonyMinutes * 60_000),
      } as const;
      await passkeys.insertChallenge(ceremony, now);
      return {
        challenge: approvalChallenge(statement).toString('base64url'),
        nonce,
        statement: statement.toString('utf8'),
        promotionDigest: promotion.promotionDigest,
        // Those that a browser can ask for; a security key signs what the terminal gives it.
        credentialIds: mine
          .filter(({ rpId }) => rpId === ports.relyingParty.rpId)
          .map(({ credentialId }) => credentialId),
      };
    },

    async approve(nameId, promotionId, { nonce, note, answer }) {
      const approvalId = ports.newApprovalId();
      const decided = await database
        .transaction(async (tx) => {
          const situation = await situationOf(nameId, await promotions.lock(tx, promotionId));
          const { person, promotion } = situation;
          const now = ports.now();
          const statement = await takeStatement(tx, situation, nonce, now);
          assertMayApprove(situation);
          await assertUndecided(situation);
          const counter = await judge(situation, statement, answer);
          await passkeys.moveSignCount(tx, {
            credentialId: answer.credentialId,
            from: counter.before,
            to: counter.after,
            at: now,
          });
          await approvals.insert(tx, {
            id: approvalId,
            promotionId: promotion.id,
            person: person.id,
            decision: 'approve',
            note,
            promotionDigest: promotion.promotionDigest,
            signed: {
              statement,
              credentialId: answer.credentialId,
              authenticatorData: answer.authenticatorData,
              clientDataJson: answer.clientDataJSON,
              signature: answer.signature,
              signCountBefore: counter.before,
              nonce,
            },
            createdAt: now,
          });
          await recorder.record(tx, {
            type: 'approval.recorded',
            at: now,
            actor: `person:${person.id}`,
            subjectDigest: promotion.promotionDigest,
            refs: {
              promotion: promotion.id,
              approval: approvalId,
              decision: 'approve',
              statement: sha256(statement),
            },
          });
          return { promotion, need: seatsOf(situation.rules) };
        })
        .catch(async (error: unknown) => {
          throw error instanceof SignedAnother
            ? await changedSince(ports, {
                promotionId,
                shown: error.promotionDigest,
                then: readAgain,
              })
            : asDecisionError(error);
        });
      ports.ringDeliverer(promotionId);
      const all = await approvals.of(promotionId);
      const people = new Set(
        all
          .filter(
            (each) =>
              each.decision === 'approve' &&
              each.withdrawn === null &&
              each.promotionDigest === decided.promotion.promotionDigest,
          )
          .map(({ person }) => person),
      );
      return { approvalId, have: people.size, need: decided.need };
    },

    async reject(nameId, promotionId, { reason, version }) {
      if (reason.trim() === '')
        throw new DecisionError('reason-missing', 'Say why: whoever asked reads it.');
      await database.transaction(async (tx) => {
        const { person, promotion, policy } = await situationOf(
          nameId,
          await promotions.lock(tx, promotionId),
        );
        if (!mayReject(person, policy)) {
          const roles = rejectingRolesOf(policy);
          throw new DecisionError(
            'role-missing',
            `Rejecting for ${promotion.target} takes the role ${roles.join(' or ')}.`,
            { role: roles.join(', ') },
          );
        }
        if (promotion.version !== version) throw changed();
        const now = ports.now();
        const approvalId = ports.newApprovalId();
        await approvals.insert(tx, {
          id: approvalId,
          promotionId: promotion.id,
          person: person.id,
          decision: 'reject',
          note: reason,
          promotionDigest: promotion.promotionDigest,
          signed: null,
          createdAt: now,
        });
        await promotions.setState(tx, {
          id: promotion.id,
          from: 'waiting',
          to: 'rejected',
          reason: `${person.name} rejected it: ${reason}`,
          at: now,
        });
        await recorder.record(tx, {
          type: 'approval.recorded',
          at: now,
          actor: `person:${person.id}`,
          subjectDigest: promotion.promotionDigest,
          refs: { promotion: promotion.id, approval: approvalId, decision: 'reject' },
        });
      });
    },
  };

  async function takeStatement(
    tx: Transaction,
    { person, promotion }: Situation,
    nonce: string,
    now: Date,
  ): Promise<Buffer> {
    const ceremony = await passkeys.takeChallenge(tx, nonce, now);
    if (
      ceremony.kind !== 'approval' ||
      ceremony.person !== person.id ||
      ceremony.promotionId !== promotion.id ||
      ceremony.statement === null
    ) {
      throw new DecisionError(
        'ceremony-expired',
        'This ceremony was for something else; start again.',
      );
    }
    // The statement was made for the document of that moment; if the document changed, the page is out of date.
    const signed = parseApprovalStatement(ceremony.statement).promotionDigest;
    if (signed !== promotion.promotionDigest) throw new SignedAnother(signed);
    return ceremony.statement;
  }
}

/** What the passkey signs, as the kernel asks of this promotion's document. */
const decisionOf = ({ returns }: Promotion): ApprovalDecision =>
  returns === null ? 'approve' : 'rollback';

/** What it was, is said once the transaction is over: nobody waits for that with a row locked. */
class SignedAnother extends Error {
  readonly promotionDigest: string;

  constructor(promotionDigest: string) {
    super('the statement is of another document');
    this.promotionDigest = promotionDigest;
  }
}

const readAgain = 'Nothing was decided; reload the page, read it again and decide then.';

const changed = (): DecisionError =>
  new DecisionError(
    'promotion-changed',
    `The promotion changed while you were reading. ${readAgain}`,
  );

const seatsOf = (rules: readonly NeededRule[]): number =>
  rules.reduce((sum, { count }) => sum + count, 0);

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
