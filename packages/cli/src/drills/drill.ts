/** What a drill is: one attack through a door that attackers have, and whether the installation withstood it. */
import type { DrillTarget } from './target.ts';

/** Whose attack it is: how much somebody has before it begins. */
export const attackers = [
  'outsider',
  'stranger',
  'committer',
  'member',
  'runner-owner',
  'nonprod-admin',
  'gate-operator',
  'dba',
  'vault-admin',
] as const;
export type AttackerClass = (typeof attackers)[number];

export interface Withstood {
  readonly held: boolean;
  /** What was tried and what came back, for a person. */
  readonly evidence: string;
}

export interface Drill {
  /** As in the table of controls. */
  readonly id: string;
  /** Promises of the founding documents that it shows, by their ids; empty when none speaks of it. */
  readonly controls: readonly string[];
  readonly attacker: AttackerClass;
  /** One sentence: what the attacker tries. */
  readonly attack: string;
  /** Rejects when the attack could not be made at all; that counts as not held. */
  run(target: DrillTarget): Promise<Withstood>;
}

export interface Drilled extends Withstood {
  readonly id: string;
  readonly kind: AttackerClass;
}

/** One attack of several ways; it held when every way did. */
export interface Way {
  readonly way: string;
  readonly held: boolean;
  readonly answer: string;
}

export function all(ways: readonly Way[]): Withstood {
  const open = ways.filter(({ held }) => !held);
  const shown = open.length > 0 ? open : ways;
  return {
    // No way tried is nothing shown.
    held: ways.length > 0 && open.length === 0,
    evidence: `${open.length > 0 ? `${open.length} of ${ways.length} ways got through: ` : ''}${summary(shown)}`,
  };
}

/** It held when the answer was no, and not merely an unfit question. */
export async function mayNot(way: string, asking: Promise<unknown>): Promise<Way> {
  try {
    await asking;
    return { way, held: false, answer: 'done' };
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    return {
      way,
      held: / answered 403: /.test(said),
      answer: said.replace(/^.* answered /, '').slice(0, 60),
    };
  }
}

function summary(ways: readonly Way[]): string {
  const byAnswer = new Map<string, string[]>();
  for (const { way, answer } of ways) byAnswer.set(answer, [...(byAnswer.get(answer) ?? []), way]);
  return [...byAnswer]
    .map(([answer, names]) => {
      const some = names.slice(0, 4).join(', ');
      return `${some}${names.length > 4 ? ` and ${names.length - 4} more` : ''}: ${answer}`;
    })
    .join('; ');
}

/** Runs one drill. An attack that could not be made shows nothing, so it did not hold. */
export async function drill(attempt: Drill, target: DrillTarget): Promise<Drilled> {
  const { id, attacker } = attempt;
  try {
    return { id, kind: attacker, ...(await attempt.run(target)) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { id, kind: attacker, held: false, evidence: `could not be tried: ${why}` };
  }
}
