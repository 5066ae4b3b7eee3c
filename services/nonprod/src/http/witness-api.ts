/** The witness of the gate's ledger, as the gate's intake asks it. @see C2SP tlog-witness */
import { cosign } from '@airlock/common/ledger/cosignature';
import { openCheckpoint, type Checkpoint } from '@airlock/common/ledger/checkpoint';
import { LedgerError } from '@airlock/common/ledger/ledger-error';
import { splitNote, type NoteSigner, type NoteVerifier } from '@airlock/common/ledger/note';
import {
  judgeCheckpoint,
  parseAddCheckpoint,
  treeSizeContentType,
  type AddCheckpoint,
} from '@airlock/common/ledger/witness';
import { maxWitnessRequestBytes } from '@airlock/common/limits';
import { MachineError, readBytes, type MachineRoute } from '@airlock/process/machine-server';
import type { WitnessStore } from '../app/ports.ts';

export interface WitnessApiPorts {
  readonly witnesses: WitnessStore;
  /** The one log that this witness knows; its name is the log's origin. */
  readonly log: NoteVerifier;
  readonly signer: NoteSigner;
  readonly clock: () => Date;
  /** The log offered what does not go on from what it showed before. */
  onInconsistent(fault: { origin: string; size: number; detail: string }): void;
}

export function witnessRoutes(ports: WitnessApiPorts): MachineRoute[] {
  const { witnesses, log, signer, clock } = ports;
  return [
    {
      method: 'POST',
      path: '/v1/witness/add-checkpoint',
      async handle({ request }) {
        const asked = parsed(await readBytes(request, maxWitnessRequestBytes));
        const checkpoint = opened(asked, log);
        const verdict = await witnesses.advance(log.name, (last) => {
          const judged = judgeCheckpoint(asked, checkpoint, last);
          const next =
            judged.verdict === 'cosign'
              ? { ...judged.tree, note: asked.note.toString('utf8'), at: clock() }
              : null;
          return { next, answer: judged };
        });
        switch (verdict.verdict) {
          case 'cosign':
            return {
              status: 200,
              text: cosign(signer, asked.note, clock()),
              contentType: 'text/plain; charset=utf-8',
            };
          case 'conflict':
            // The same size again means the same size with another root: two trees, both signed by the log.
            if (verdict.size === checkpoint.size && asked.oldSize === checkpoint.size) {
              const detail = `two roots for size ${checkpoint.size}`;
              ports.onInconsistent({ origin: log.name, size: checkpoint.size, detail });
            }
            return { status: 409, text: `${verdict.size}\n`, contentType: treeSizeContentType };
          case 'malformed':
            throw new MachineError('request-malformed', verdict.detail);
          case 'inconsistent': {
            const { detail } = verdict;
            ports.onInconsistent({ origin: log.name, size: checkpoint.size, detail });
            throw new MachineError('checkpoint-inconsistent', detail);
          }
        }
      },
    },
  ];
}

function parsed(body: Uint8Array): AddCheckpoint {
  return refusing('request-malformed', () => parseAddCheckpoint(body));
}

function opened({ note }: AddCheckpoint, log: NoteVerifier): Checkpoint {
  const { text } = refusing('request-malformed', () => splitNote(note));
  const origin = text.slice(0, text.indexOf('\n'));
  if (origin !== log.name) {
    throw new MachineError(
      'not-found',
      `this witness does not know the log ${origin.slice(0, 200)}`,
    );
  }
  try {
    return openCheckpoint(note, log);
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    const isUnsigned = cause.code === 'note-unsigned' || cause.code === 'note-signature-invalid';
    throw new MachineError(
      isUnsigned ? 'checkpoint-unsigned' : 'request-malformed',
      cause.message,
      { cause },
    );
  }
}

function refusing<Value>(code: 'request-malformed', read: () => Value): Value {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw new MachineError(code, cause.message, { cause });
  }
}
