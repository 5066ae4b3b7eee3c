/**
 * Shows the ledger to its witness: each new checkpoint, with the proof that it goes on from the one cosigned before. A
 * witness that says that it does not has caught this gate's ledger being rewritten, or shown with two faces; from then on
 * nothing is delivered until people have looked.
 *
 * @see C2SP tlog-witness
 */
import { hash } from 'node:crypto';
import { AirlockError } from '@airlock/common/errors';
import { cosignaturesOf } from '@airlock/common/ledger/cosignature';
import { LedgerError } from '@airlock/common/ledger/ledger-error';
import type { NoteVerifier } from '@airlock/common/ledger/note';
import { buildConsistencyProof } from '@airlock/common/ledger/proof';
import { formatAddCheckpoint } from '@airlock/common/ledger/witness';
import { ledgerFreeze } from '../domain/ledger-freeze.ts';
import type { IntakeStore, Witness } from './intake-ports.ts';
import type { CosignatureStore, LedgerReader, Recorder } from './ledger-ports.ts';
import type { Transactor } from './ports.ts';
import type { PromotionStore } from './promotion-ports.ts';

export type WitnessErrorCode =
  /** The witness has seen another past than this ledger has. */
  | 'E_LEDGER_INCONSISTENT'
  /** It did not judge, or its answer is not a cosignature by the key that is pinned. */
  | 'witness-refused';

export class WitnessError extends AirlockError<WitnessErrorCode> {}

export type OfferDependencies = {
  ledger: Pick<LedgerReader, 'checkpoint' | 'tile'>;
  cosignatures: CosignatureStore;
  witness: Witness;
  /** The witness's pinned key. */
  verifier: NoteVerifier;
  transactor: Transactor;
  intake: Pick<IntakeStore, 'freeze'>;
  promotions: Pick<PromotionStore, 'freezeOf'>;
  recorder: Recorder;
  clock: () => Date;
};

/** An answer of the witness may cross an offer; more often than this it is no crossing. */
const maxAttempts = 3;

/**
 * @returns the size that is cosigned now; null when there is nothing new to show.
 * @throws WitnessError `E_LEDGER_INCONSISTENT` when the freeze begins and for as long as it stands; `witness-refused`.
 */
export async function offerCheckpoint(dependencies: OfferDependencies): Promise<number | null> {
  const { ledger, cosignatures, witness, verifier, promotions } = dependencies;
  const frozen = await promotions.freezeOf(ledgerFreeze);
  if (frozen !== null) throw frozenError(frozen.reason);
  let oldSize = await cosignatures.latest(verifier.name);
  for (let attempt = 1; ; attempt += 1) {
    const checkpoint = await ledger.checkpoint();
    if (checkpoint === null) return null;
    // After a 409 the same size is asked for again: either its cosignature got lost, or there are two roots.
    if (attempt === 1 && checkpoint.size === oldSize) return null;
    const { size } = checkpoint;
    const old = oldSize ?? 0;
    if (old > size) {
      throw await freeze(
        dependencies,
        { old, size },
        `${verifier.name} cosigned ${old} entries, and the ledger has ${size}`,
      );
    }
    const proof =
      old === 0
        ? []
        : await buildConsistencyProof(({ level, n }) => ledger.tile(level, n), old, size);
    const note = Buffer.from(checkpoint.note, 'utf8');
    const answer = await witness.addCheckpoint(formatAddCheckpoint({ oldSize: old, proof, note }));
    switch (answer.status) {
      case 200:
        await keep(dependencies, { size, note: checkpoint.note, lines: answer.body });
        return size;
      case 409: {
        const seen = sizeIn(answer.body);
        if (seen === old && old === size) {
          throw await freeze(
            dependencies,
            { old, size },
            `${verifier.name} has another root for size ${size}`,
          );
        }
        // What the witness cosigned and this gate did not hear of, or a ledger that went back: the next round tells.
        if (attempt === maxAttempts) throw refused(`409 with size ${seen}, ${attempt} times`);
        oldSize = seen;
        continue;
      }
      case 422:
        throw await freeze(
          dependencies,
          { old, size },
          `${size} entries do not go on from the ${old} that ${verifier.name} cosigned`,
        );
      default:
        throw refused(`status ${answer.status}: ${answer.body.toString('utf8').slice(0, 300)}`);
    }
  }
}

async function keep(
  { cosignatures, verifier }: OfferDependencies,
  given: { size: number; note: string; lines: Buffer },
): Promise<void> {
  const lines = given.lines.toString('utf8');
  for (const line of lines.split(/(?<=\n)/)) {
    const [cosignature] = cosignatureIn(given.note, line, verifier);
    if (cosignature === undefined) continue;
    await cosignatures.add({ size: given.size, witness: verifier.name, line, at: cosignature.at });
    return;
  }
  throw refused('no cosignature by the key that is pinned; compare witness.vkey with nonprod');
}

function cosignatureIn(note: string, line: string, verifier: NoteVerifier) {
  try {
    return cosignaturesOf(Buffer.from(note + line, 'utf8'), [verifier]);
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw refused(cause.message);
  }
}

function sizeIn(body: Buffer): number {
  const text = body.toString('utf8');
  const size = Number(/^(0|[1-9]\d{0,15})\n$/.exec(text)?.[1] ?? Number.NaN);
  if (Number.isSafeInteger(size)) return size;
  throw refused(`409 without a size: ${text.slice(0, 100)}`);
}

async function freeze(
  { transactor, intake, recorder, clock, verifier }: OfferDependencies,
  { old, size }: { old: number; size: number },
  detail: string,
): Promise<WitnessError> {
  await transactor.transaction(async (tx) => {
    const isNew = await intake.freeze(tx, { repository: ledgerFreeze, reason: detail });
    if (!isNew) return;
    await recorder.record(tx, {
      type: 'ledger.contradicted',
      at: clock(),
      actor: 'intake',
      subjectDigest: hash('sha256', detail),
      refs: { witness: verifier.name, witnessed: String(old), size: String(size) },
    });
  });
  return frozenError(detail);
}

function frozenError(detail: string): WitnessError {
  return new WitnessError(
    'E_LEDGER_INCONSISTENT',
    `deliveries are frozen: ${detail}; find out who rewrote the ledger or runs a second one, compare the checkpoints that people kept, then delete the row ${ledgerFreeze} in repository_freeze`,
  );
}

function refused(why: string): WitnessError {
  return new WitnessError('witness-refused', `the witness gave no cosignature: ${why}`);
}
