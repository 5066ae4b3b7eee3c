/** The report: one line a fact, and what was not looked at. */
import { AirlockError } from '@airlock/common/errors';
import { z } from 'zod';

/** Evidence that is not what it has to be. The message ends up in a line of the report. */
export class EvidenceFault extends AirlockError<'evidence-fault'> {
  constructor(message: string) {
    super('evidence-fault', message);
  }
}

export type Fact = {
  /** Stable name, such as `approvals`: contract of `airlock verify --json`. */
  readonly id: string;
  readonly ok: boolean;
  /** For people. */
  readonly text: string;
};

export type Report = {
  /** Every fact holds. */
  readonly whole: boolean;
  readonly facts: readonly Fact[];
  /** What no archive can prove. */
  readonly notChecked: readonly string[];
};

export type Facts = {
  readonly list: readonly Fact[];
  /**
   * Finds one fact out and adds its line.
   *
   * @param work gives the value for later facts and the text; whatever it throws makes the fact a fault.
   * @returns a reader of the value, which throws EvidenceFault where the fact does not hold.
   */
  find<Value>(id: string, work: () => { value: Value; text: string }): () => Value;
};

export function createFacts(): Facts {
  const list: Fact[] = [];
  return {
    list,
    find(id, work) {
      try {
        const { value, text } = work();
        list.push({ id, ok: true, text: shown(text) });
        return () => value;
      } catch (error) {
        const text = whatIn(error);
        list.push({ id, ok: false, text: shown(`${id}: ${text}`) });
        return () => {
          throw new EvidenceFault(`cannot be checked before "${id}" holds`);
        };
      }
    },
  };
}

function whatIn(error: unknown): string {
  if (error instanceof z.ZodError) {
    const [issue] = error.issues;
    return `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'malformed'}`;
  }
  return error instanceof Error ? error.message : String(error);
}

/** The lines that `airlock verify` prints. */
export function linesOf({ whole, facts, notChecked }: Report): string[] {
  return [
    ...facts.map(({ ok, text }) => `${ok ? '✓' : '✗'} ${text}`),
    ...notChecked.map((text) => `Not checked: ${text}`),
    `VERDICT: ${whole ? 'complete and unaltered' : 'altered or incomplete'}`,
  ];
}

/** An archive must not move the cursor of whoever reads the report. */
const shown = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}]/gu, (found) => `\\u{${found.codePointAt(0)?.toString(16) ?? ''}}`);
