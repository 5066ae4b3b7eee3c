/**
 * Do these people meet these rules? A person fills one seat of one rule, whatever roles they have, so that who fills which
 * is a matching (Kuhn's algorithm): the same people may meet the rules one way and not another, and the best way counts.
 */
export type Seats = { readonly role: string; readonly count: number };
export type SeatedPerson = { readonly id: string; readonly roles: readonly string[] };

export type RuleSeats = Seats & {
  /** Ids of those who fill its seats; at most `count`. */
  readonly filledBy: readonly string[];
  /** Ids of those who have its role and whose approval would bring the whole on, perhaps by letting another move over. */
  readonly helpful: readonly string[];
};

export type SeatPlan = {
  readonly satisfied: boolean;
  /** Every rule in the order given. */
  readonly rules: readonly RuleSeats[];
  /** Seats filled, and seats there are; of rules that are none, 0. */
  readonly have: number;
  readonly need: number;
  /** Ids of those whose approval would bring it on; empty where nothing is missing. */
  readonly helpful: readonly string[];
  /** A smallest group whose approvals would fill every seat that is open; null where no group can. */
  readonly enough: readonly string[] | null;
};

/**
 * @param rules none, or one whose count is no whole number of 1 or more, is a misread policy; nobody satisfies it.
 * @param people.present who approved, each once. Those who come earlier keep a seat before those who come later.
 * @param people.possible who could approve, each once and none of them present.
 */
export function seatPeople(
  rules: readonly Seats[],
  people: { readonly present: readonly SeatedPerson[]; readonly possible: readonly SeatedPerson[] },
): SeatPlan {
  const areRules =
    rules.length > 0 && rules.every(({ count }) => Number.isSafeInteger(count) && count >= 1);
  if (!areRules) {
    const nothing = { filledBy: [], helpful: [] };
    return {
      ...{ satisfied: false, have: 0, need: 0, helpful: [], enough: null },
      rules: rules.map(({ role, count }) => ({ role, count, ...nothing })),
    };
  }
  const need = rules.reduce((sum, { count }) => sum + count, 0);
  const now = people.present.reduce((seating, person) => seat(rules, seating, person), noSeats);
  const have = now.size;
  const helpful = people.possible.filter((person) => seat(rules, now, person).size > have);
  let whole = now;
  const enough = helpful.filter((person) => {
    const before = whole.size;
    whole = seat(rules, whole, person);
    return whole.size > before;
  });
  return {
    satisfied: have === need,
    have,
    need,
    rules: rules.map(({ role, count }, index) => ({
      ...{ role, count },
      filledBy: [...now].filter(([, { rule }]) => rule === index).map(([id]) => id),
      helpful: helpful.filter(({ roles }) => roles.includes(role)).map(({ id }) => id),
    })),
    helpful: helpful.map(({ id }) => id),
    enough: whole.size === need ? enough.map(({ id }) => id) : null,
  };
}

/** Who sits where, by id. */
type Seating = ReadonlyMap<string, { readonly person: SeatedPerson; readonly rule: number }>;

const noSeats: Seating = new Map();

/** With one more person seated if there is any way to, others moving over; the same seating if there is none. */
function seat(rules: readonly Seats[], seating: Seating, person: SeatedPerson): Seating {
  const next = new Map(seating);
  const tried = new Set<number>();
  const place = (who: SeatedPerson): boolean => {
    for (const [rule, { role, count }] of rules.entries()) {
      if (tried.has(rule) || !who.roles.includes(role)) continue;
      tried.add(rule);
      const sitting = [...next.values()].filter((each) => each.rule === rule);
      if (sitting.length < count || sitting.some((each) => place(each.person))) {
        next.set(who.id, { person: who, rule });
        return true;
      }
    }
    return false;
  };
  return place(person) ? next : seating;
}
