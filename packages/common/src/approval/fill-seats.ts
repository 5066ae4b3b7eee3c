/**
 * Do these people meet these rules? A person fills one seat of one rule, whatever roles they have, so that who fills which
 * is a matching (Kuhn's algorithm): the same people may meet the rules one way and not another, and the best way counts.
 */
export type Seats = { readonly role: string; readonly count: number };
export type SeatedPerson = { readonly id: string; readonly roles: readonly string[] };

/** Who sits where, by id. */
export type Seating = ReadonlyMap<string, { readonly person: SeatedPerson; readonly rule: number }>;

/**
 * Seats that there are; 0, which nobody satisfies, where the rules are misread: there is none, or one whose count is no
 * whole number of 1 or more.
 */
export function seatCount(rules: readonly Seats[]): number {
  const areRules = rules.every(({ count }) => Number.isSafeInteger(count) && count >= 1);
  return areRules ? rules.reduce((sum, { count }) => sum + count, 0) : 0;
}

/** @param people who approved, each once. Whoever comes earlier keeps a seat before whoever comes later. */
export function fillSeats(rules: readonly Seats[], people: readonly SeatedPerson[]): Seating {
  return people.reduce<Seating>((seating, person) => seatOne(rules, seating, person), new Map());
}

/** With one more person seated if there is any way to, others moving over; the same seating if there is none. */
export function seatOne(rules: readonly Seats[], seating: Seating, person: SeatedPerson): Seating {
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
