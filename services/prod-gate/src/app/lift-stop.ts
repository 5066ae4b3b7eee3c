/**
 * Two people start again. Each signs, with their own passkey, a statement of exactly this stop; web keeps the signatures and
 * decides nothing. The authority verifies them from their bytes and is the only one that may record that the stop is lifted.
 */
import { createHash } from 'node:crypto';
import {
  countLifts,
  liftQuorum,
  liftStatement,
  parseLiftStatement,
} from '@airlock/common/approval/lift';
import { approvalChallenge } from '@airlock/common/approval/statement';
import { formatTimestamp } from '@airlock/common/time';
import { verifyApprovalSignature } from '@airlock/common/approval/verify-signature';
import { AirlockError } from '@airlock/common/errors';
import type { KnownStop } from '../domain/stop.ts';
import type { AssertionAnswer } from './approve-promotion.ts';
import { DecisionError } from './decision-error.ts';
import { asDecisionError, ceremonyMinutes } from './enrol-passkey.ts';
import type { FollowLedger } from './follow-ledger.ts';
import { enrolledPasskeys, type FactSources } from './gather-facts.ts';
import { mayStop } from './place-stop.ts';
import type { GateFiles, PasskeyStore, Recorder, Transactor } from './ports.ts';
import type { KeptLift, StopStore } from './stop-ports.ts';
import { readStops } from './watch-stops.ts';

export interface LiftCeremony {
  /** base64url of SHA-256(PAE(type, statement)). */
  readonly challenge: string;
  readonly nonce: string;
  readonly statement: string;
  readonly stopDigest: string;
  readonly credentialIds: readonly string[];
}

export interface Lifting {
  /** @throws DecisionError `person-unknown`, `role-missing`, `stop-over`, `passkey-missing` */
  begin(nameId: string, stopId: string): Promise<LiftCeremony>;
  /** @throws DecisionError also `ceremony-expired`, `passkey-unknown`, `passkey-refused` */
  lift(
    nameId: string,
    stopId: string,
    given: { readonly nonce: string; readonly answer: AssertionAnswer },
  ): Promise<{ have: number; need: number }>;
}

/** The second person has as long to sign after the first. */
const liftHours = 24;

type Sources = Pick<FactSources, 'gate' | 'passkeys' | 'proofs'> & {
  readonly stops: Pick<StopStore, 'recent' | 'lifts'>;
  readonly files: () => Promise<Pick<GateFiles, 'roster'>>;
  readonly ledger: FollowLedger;
};

export function createLifting(
  ports: Omit<Sources, 'stops' | 'passkeys'> & {
    readonly stops: StopStore;
    readonly passkeys: PasskeyStore;
    readonly rpId: string;
    readonly database: Transactor;
    readonly now: () => Date;
    readonly randomNonce: () => string;
  },
): Lifting {
  const { passkeys, stops, gate } = ports;

  async function stopOf(stopId: string): Promise<KnownStop> {
    const inForce = await readStops(stops, await ports.ledger(), ports.now());
    const stop = inForce.find(({ id }) => id === stopId);
    if (stop === undefined) {
      throw new DecisionError('stop-over', 'This stop is lifted, or its time is over.');
    }
    return stop;
  }

  return {
    async begin(nameId, stopId) {
      const person = mayStop(await ports.files(), nameId);
      const stop = await stopOf(stopId);
      const mine = (await passkeys.ofPerson(person.id)).filter(
        ({ revokedAt, origin, rpId }) =>
          revokedAt === null && origin === gate && rpId === ports.rpId,
      );
      if (mine.length === 0) {
        throw new DecisionError(
          'passkey-missing',
          'You have no passkey here yet; add one on your page, then start again.',
        );
      }
      const now = ports.now();
      const nonce = ports.randomNonce();
      const statement = liftStatement({
        ...{ stop: stop.id, stopDigest: stop.digest, person: person.id, nonce },
        notAfter: formatTimestamp(new Date(now.getTime() + liftHours * 3_600_000)),
      });
      await passkeys.insertChallenge(
        {
          ...{ nonce, kind: 'lift', person: person.id, promotionId: null, statement },
          expiresAt: new Date(now.getTime() + ceremonyMinutes * 60_000),
        },
        now,
      );
      return {
        challenge: approvalChallenge(statement).toString('base64url'),
        ...{ nonce, statement: statement.toString('utf8'), stopDigest: stop.digest },
        credentialIds: mine.map(({ credentialId }) => credentialId),
      };
    },

    async lift(nameId, stopId, { nonce, answer }) {
      const person = mayStop(await ports.files(), nameId);
      const stop = await stopOf(stopId);
      await ports.database
        .transaction(async (tx) => {
          const now = ports.now();
          const { kind, statement, ...ceremony } = await passkeys.takeChallenge(tx, nonce, now);
          const isThis = kind === 'lift' && ceremony.person === person.id && statement !== null;
          if (!isThis || parseLiftStatement(statement).stop !== stop.id) {
            throw new DecisionError(
              'ceremony-expired',
              'This ceremony was for something else; start again.',
            );
          }
          const passkey = await passkeys.find(answer.credentialId);
          if (passkey === null || passkey.person !== person.id) {
            throw new DecisionError('passkey-unknown', 'That passkey is not one of yours here.');
          }
          const { signCount } = verified(() =>
            verifyApprovalSignature(answer, statement, {
              id: passkey.credentialId,
              ...{ publicKeyPem: passkey.publicKeyPem, rpId: passkey.rpId, origins: [gate] },
              signCount: passkey.signCount,
            }),
          );
          await passkeys.moveSignCount(tx, {
            credentialId: passkey.credentialId,
            ...{ from: passkey.signCount, to: signCount, at: now },
          });
          const { authenticatorData, clientDataJSON, signature } = answer;
          await stops.insertLift(tx, {
            ...{ stopId: stop.id, person: person.id, statement, nonce, signedAt: now },
            credentialId: passkey.credentialId,
            answer: { authenticatorData, clientDataJSON, signature },
            signCountBefore: passkey.signCount,
          });
        })
        .catch((error: unknown) => {
          throw asDecisionError(error);
        });
      const { people } = await judgeLifts(ports, stop, ports.now());
      return { have: people.length, need: liftQuorum };
    },
  };
}

function verified<T>(verify: () => T): T {
  try {
    return verify();
  } catch (cause) {
    if (!(cause instanceof AirlockError)) throw cause;
    throw new DecisionError(
      'passkey-refused',
      `The passkey did not sign this: ${cause.message} (${cause.code}).`,
      { cause },
    );
  }
}

/** Who has validly signed, from the stored bytes, the roster and the ledger's enrolments. */
export async function judgeLifts(
  sources: Sources,
  stop: KnownStop,
  at: Date,
): Promise<ReturnType<typeof countLifts> & { readonly lifts: readonly KeptLift[] }> {
  const lifts = await sources.stops.lifts(stop.id);
  if (lifts.length === 0) return { people: [], discounted: [], lifts };
  const passkeys = await enrolledPasskeys(sources, lifts);
  const { roster } = (await sources.files()).roster;
  return { ...countLifts({ gate: sources.gate, stop, roster, lifts, passkeys, at }), lifts };
}

/**
 * The authority's pass: records every stop as lifted that two people have validly signed for. What a crash leaves out is done in
 * the next pass; recorded twice it says the same.
 *
 * @returns ids of the stops that were lifted now.
 */
export function createLiftPass(
  ports: Sources & {
    readonly transactor: Transactor;
    readonly recorder: Recorder;
    readonly clock: () => Date;
  },
): () => Promise<readonly { readonly stop: string; readonly people: readonly string[] }[]> {
  const recorded = new Set<string>();
  return async () => {
    const facts = await ports.ledger();
    const done: { stop: string; people: readonly string[] }[] = [];
    // Only those that the ledger has: what is lifted there must have been placed there.
    for (const stop of facts.stops()) {
      if (recorded.has(stop.id)) continue;
      const at = ports.clock();
      const { people, lifts } = await judgeLifts(ports, stop, at);
      if (people.length < liftQuorum) continue;
      await ports.transactor.transaction(async (tx) => {
        await ports.recorder.record(tx, {
          ...{ type: 'stop.lifted', at, actor: 'authority', subjectDigest: stop.digest },
          refs: {
            ...{ stop: stop.id, people: people.slice(0, liftQuorum).join(' ') },
            // So that whoever has the ledger knows which signatures it was.
            signatures: sha256(Buffer.concat(lifts.map(({ statement }) => statement))),
          },
        });
      });
      recorded.add(stop.id);
      done.push({ stop: stop.id, people });
    }
    return done;
  };
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
