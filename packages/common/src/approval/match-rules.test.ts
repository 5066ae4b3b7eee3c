import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { seatCount, type SeatedPerson, type Seats } from './fill-seats.ts';
import { explainSeats } from './match-rules.ts';

const manager = { role: 'release-manager', count: 1 };
const security = { role: 'security', count: 1 };
const leo = { id: 'leo', roles: ['release-manager', 'security'] };
const mira = { id: 'mira', roles: ['release-manager'] };
const sam = { id: 'sam', roles: ['security'] };
const plan = (
  rules: readonly Seats[],
  present: readonly SeatedPerson[],
  possible: readonly SeatedPerson[] = [],
) => {
  const seats = explainSeats(rules, { present, possible });
  return { ...seats, satisfied: seats.need >= 1 && seats.have >= seats.need };
};

test('one person with both roles fills one seat only', () => {
  const { satisfied, have, need } = plan([manager, security], [leo]);
  assert.deepEqual({ satisfied, have, need }, { satisfied: false, have: 1, need: 2 });
});

test('who came first moves over for who fits one seat alone', () => {
  const { satisfied, rules } = plan([manager, security], [leo, mira]);
  assert.equal(satisfied, true);
  assert.deepEqual(
    rules.map(({ filledBy }) => filledBy),
    [['mira'], ['leo']],
  );
});

test('it is said who could help, by moving another over as well, and how few would do', () => {
  const { helpful, enough, rules } = plan([manager, security], [leo], [mira, sam]);
  assert.deepEqual(helpful, ['mira', 'sam']);
  assert.deepEqual(enough, ['mira']);
  assert.deepEqual(
    rules.map((rule) => rule.helpful),
    [['mira'], ['sam']],
  );
});

test('where no group would do there is none', () => {
  assert.equal(plan([manager, security], [mira], []).enough, null);
  assert.equal(plan([{ ...manager, count: 2 }], [mira], [sam]).enough, null);
});

test('somebody too many takes no seat and helps nobody', () => {
  const { have, helpful } = plan([manager], [mira, leo], [sam]);
  assert.deepEqual({ have, helpful }, { have: 1, helpful: [] });
});

for (const [what, rules] of [
  ['no rule', []],
  ['a count of none', [{ ...manager, count: 0 }]],
  ['a count that is no number', [{ ...manager, count: Number.NaN }]],
  ['a count of minus one beside a good one', [manager, { ...security, count: -1 }]],
] as const) {
  test(`${what} satisfies nobody's rules`, () => {
    assert.equal(seatCount(rules), 0);
    assert.equal(plan(rules, [leo, mira, sam]).satisfied, false);
  });
}

const role: fc.Arbitrary<string> = fc.constantFrom('a', 'b', 'c');
const rulesOf = fc.array(fc.record({ role, count: fc.integer({ min: 1, max: 2 }) }), {
  minLength: 1,
  maxLength: 3,
});
const people = fc
  .array(fc.uniqueArray(role, { maxLength: 3 }), { maxLength: 5 })
  .map((list) => list.map((roles, index) => ({ id: `p${index}`, roles })));

/** The most seats that these people fill: every way to give each person a seat or none. */
function most(rules: readonly Seats[], list: readonly SeatedPerson[]): number {
  const [person, ...others] = list;
  if (person === undefined) return 0;
  const ways = rules.flatMap(({ role: wanted, count }, index) =>
    count > 0 && person.roles.includes(wanted)
      ? [
          1 +
            most(
              rules.map((rule, at) => (at === index ? { ...rule, count: count - 1 } : rule)),
              others,
            ),
        ]
      : [],
  );
  return Math.max(most(rules, others), ...ways);
}

test('as many seats are filled as in the best of all ways', () => {
  fc.assert(
    fc.property(rulesOf, people, (rules, present) => {
      assert.equal(plan(rules, present).have, most(rules, present));
    }),
    { numRuns: 500 },
  );
});

test('every seat is filled by somebody who has its role, and nobody fills two', () => {
  fc.assert(
    fc.property(rulesOf, people, (rules, present) => {
      const found = plan(rules, present).rules;
      const seated = found.flatMap(({ filledBy }) => filledBy);
      assert.equal(new Set(seated).size, seated.length);
      for (const { role: wanted, count, filledBy } of found) {
        assert.ok(filledBy.length <= count);
        for (const id of filledBy) {
          assert.ok(present.find((one) => one.id === id)?.roles.includes(wanted));
        }
      }
    }),
  );
});

test('helpful are exactly those with whom more seats are filled, and enough is a smallest group', () => {
  fc.assert(
    fc.property(rulesOf, people, fc.nat(5), (rules, all, cut) => {
      const [present, possible] = [all.slice(0, cut), all.slice(cut)];
      const { helpful, enough, have, need } = plan(rules, present, possible);
      const brings = possible.filter((one) => most(rules, [...present, one]) > have);
      assert.deepEqual(
        helpful,
        brings.map(({ id }) => id),
      );
      assert.equal(enough !== null, most(rules, all) === need);
      if (enough !== null) {
        const group = possible.filter(({ id }) => enough.includes(id));
        assert.equal(most(rules, [...present, ...group]), need);
        assert.equal(group.length, need - have);
      }
    }),
    { numRuns: 300 },
  );
});
