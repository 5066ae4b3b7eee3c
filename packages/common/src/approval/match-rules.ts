/** Who fills which seat, who could fill those that are open, and how few would do: what pages and sentences say. */
import { fillSeats, seatCount, seatOne, type SeatedPerson, type Seats } from './fill-seats.ts';

export type RuleSeats = Seats & {
  /** Ids of those who fill its seats; at most `count`. */
  readonly filledBy: readonly string[];
  /** Ids of those who have its role and whose approval would bring the whole on, perhaps by letting another move over. */
  readonly helpful: readonly string[];
};

export type SeatPlan = {
  /** Every rule in the order given. */
  readonly rules: readonly RuleSeats[];
  /** Seats filled, and seats there are (see `seatCount`). */
  readonly have: number;
  readonly need: number;
  /** Ids of those whose approval would bring it on; empty where nothing is missing. */
  readonly helpful: readonly string[];
  /** A smallest group whose approvals would fill every seat that is open; null where no group can. */
  readonly enough: readonly string[] | null;
};

/**
 * @param people.present who approved, each once, in the order in which they keep their seats.
 * @param people.possible who could approve, each once and none of them present.
 */
export function explainSeats(
  rules: readonly Seats[],
  people: { readonly present: readonly SeatedPerson[]; readonly possible: readonly SeatedPerson[] },
): SeatPlan {
  const need = seatCount(rules);
  const now = fillSeats(rules, need === 0 ? [] : people.present);
  const have = now.size;
  const helpful =
    need === 0 ? [] : people.possible.filter((one) => seatOne(rules, now, one).size > have);
  let whole = now;
  const enough = helpful.filter((person) => {
    const before = whole.size;
    whole = seatOne(rules, whole, person);
    return whole.size > before;
  });
  return {
    ...{ have, need },
    rules: rules.map(({ role, count }, index) => ({
      ...{ role, count },
      filledBy: [...now].filter(([, { rule }]) => rule === index).map(([id]) => id),
      helpful: helpful.filter(({ roles }) => roles.includes(role)).map(({ id }) => id),
    })),
    helpful: helpful.map(({ id }) => id),
    enough: need > 0 && whole.size === need ? enough.map(({ id }) => id) : null,
  };
}
