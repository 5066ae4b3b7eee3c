import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { waysOf, warningsOf, groupInWords, type AccessFiles, type WayId } from './coalition.ts';
import type { Group } from './minimal-groups.ts';
import { powerChanges, powersOf } from './powers.ts';

const now = new Date('2026-11-22T10:00:00Z');
const mainBuilder = 'https://ci.example/builders/main@v1';
const audit = 'https://audit.example/rebuilder@v1';

type Person = AccessFiles['roster']['people'][number];
const person = (id: string, roles: Person['roles'], more: Partial<Person> = {}): Person => ({
  ...{ id, name: id, nameId: `${id}@idp.example`, roles, gitEmails: [] },
  ...more,
});
type Signer = [string, string | null, ('provenance' | 'test' | 'promotion')[], string[]];
const signers = (rows: readonly Signer[], notAfter = new Date('2027-01-01T00:00:00Z')) => ({
  signers: new Map(
    rows.map(([keyid, adminDomain, roles, builderIds]) => [
      keyid,
      {
        ...{ keyid, adminDomain, roles, builderIds, notAfter },
        ...{ notBefore: new Date('2026-01-01T00:00:00Z'), revokedAt: null },
      },
    ]),
  ),
});

function filesOf(given: {
  readonly rules: AccessFiles['policy']['approvals']['rules'];
  readonly people: readonly Person[];
  readonly signers?: readonly Signer[];
  readonly threshold?: number;
  readonly of?: readonly string[];
  readonly administrators?: AccessFiles['administrators'];
}): AccessFiles {
  return {
    policy: {
      target: 'prod-eu',
      admits: [
        {
          repo: 'https://git.example/app',
          refs: ['refs/heads/main'],
          ...{ pipeline: 'p.yaml', releaseFile: 'r.yaml', subject: 'app.tar.gz', maxAge: 60 },
          builders: {
            ...{ id: mainBuilder, threshold: given.threshold ?? 1, images: [] },
            ...{ independence: ['adminDomain'], of: [...(given.of ?? [])] },
          },
          ...{ tests: 'required', signedCommits: 'required' },
        },
      ],
      approvals: {
        rules: given.rules,
        exclude: ['requester', 'authors', 'committers'],
        expires: 3600,
      },
    },
    roster: { people: [...given.people] },
    trust: signers(
      given.signers ?? [['k', 'nonprod', ['provenance', 'test', 'promotion'], [mainBuilder]]],
    ),
    administrators: given.administrators ?? {
      ...{ threshold: 2, domains: 2 },
      keys: [
        { keyid: 'a', name: 'Ada', adminDomain: 'platform' },
        { keyid: 'b', name: 'Ben', adminDomain: 'security' },
        { keyid: 'c', name: 'Cyd', adminDomain: 'security' },
      ],
    },
  };
}

const wordsOf = (files: AccessFiles, id: WayId): string[] =>
  waysOf(files, now)
    .filter((way) => way.id === id)
    .flatMap(({ groups }) => groups.map(groupInWords));

/** Every set that a group stands for, each as its sorted members. */
function expand<T>(group: Group<T>): T[][] {
  const [part, ...rest] = group;
  if (part === undefined) return [[]];
  return choices(part.of, part.count).flatMap((some) =>
    expand(rest).map((others) => [...some, ...others]),
  );
}

function choices<T>(of: readonly T[], count: number): T[][] {
  if (count === 0) return [[]];
  return of.flatMap((one, at) =>
    choices(of.slice(at + 1), count - 1).map((rest) => [one, ...rest]),
  );
}

/** By trying every subset; nothing of the code under test. */
function bruteForce(ids: readonly string[], isEnough: (some: readonly string[]) => boolean) {
  const enough = Array.from({ length: 2 ** ids.length }, (_, bits) =>
    ids.filter((_id, at) => (bits >> at) & 1),
  ).filter(isEnough);
  const isMinimal = (set: readonly string[]): boolean =>
    !enough.some((less) => less.length < set.length && less.every((id) => set.includes(id)));
  return enough
    .filter(isMinimal)
    .map((set) => set.toSorted().join(' '))
    .sort();
}

const setsOf = (files: AccessFiles, id: WayId): string[] =>
  waysOf(files, now)
    .filter((way) => way.id === id)
    .flatMap(({ groups }) => groups.flatMap(expand))
    .map((set) =>
      set
        .map((party) => party.id)
        .sort()
        .join(' '),
    )
    .sort();

const Role = fc.constantFrom('developer' as const, 'release-manager' as const, 'security' as const);
const People = fc
  .array(fc.uniqueArray(Role, { maxLength: 3 }), { maxLength: 6 })
  .map((all) => all.map((roles, at) => person(`p${at}`, roles)));

describe('the smallest groups', () => {
  test('within the rules are those that trying every subset and every seating finds', () => {
    const Rules = fc.array(fc.record({ role: Role, count: fc.integer({ min: 1, max: 2 }) }), {
      ...{ minLength: 1, maxLength: 3 },
    });
    fc.assert(
      fc.property(People, Rules, (people, rules) => {
        const seats = rules.flatMap(({ role, count }) => Array.from({ length: count }, () => role));
        const seated = (ids: readonly string[], left: readonly string[]): boolean => {
          const [seat, ...rest] = left;
          if (seat === undefined) return true;
          return ids.some(
            (id) =>
              people.some((one) => one.id === id && (one.roles as string[]).includes(seat)) &&
              seated(
                ids.filter((other) => other !== id),
                rest,
              ),
          );
        };
        const expected = bruteForce(
          people.map(({ id }) => id),
          (some) => seated(some, seats),
        );
        assert.deepEqual(setsOf(filesOf({ rules, people }), 'within-rules'), expected);
      }),
      { numRuns: 300 },
    );
  });

  test('who can change the rules are those that trying every subset of key holders finds', () => {
    const Keys = fc.array(
      fc.record({ holder: fc.integer({ min: 0, max: 4 }), domain: fc.constantFrom('a', 'b', 'c') }),
      { minLength: 2, maxLength: 7 },
    );
    const Two = fc.integer({ min: 1, max: 4 });
    fc.assert(
      fc.property(Keys, Two, Two, (held, threshold, domains) => {
        const keys = held.map(({ holder, domain }, at) => ({
          ...{ keyid: `k${at}`, name: `n${at}`, adminDomain: domain, holder: `h${holder}` },
        }));
        const holders = [...new Set(keys.map(({ holder }) => holder))];
        const people = holders.map((id) =>
          person(id, [], {
            configurationKeys: keys.filter(({ holder }) => holder === id).map(({ keyid }) => keyid),
          }),
        );
        const administrators = { threshold, domains, keys };
        const expected = bruteForce(holders, (some) => {
          const signed = keys.filter(({ holder }) => some.includes(holder));
          const of = new Set(signed.map(({ adminDomain }) => adminDomain));
          return signed.length >= threshold && of.size >= domains;
        });
        const files = filesOf({ rules: [], people, administrators });
        assert.deepEqual(setsOf(files, 'configuration'), expected);
      }),
      { numRuns: 300 },
    );
  });

  test('of machines are those that trying every subset finds, builders of one domain counting once', () => {
    const Ids = fc.uniqueArray(fc.constantFrom(mainBuilder, audit, 'https://third.example'), {
      ...{ minLength: 1, maxLength: 3 },
    });
    const Rows = fc.array(
      fc.tuple(fc.constantFrom('d0', 'd1', 'd2', 'd3'), Ids, fc.boolean(), fc.boolean()),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(Rows, fc.integer({ min: 1, max: 3 }), (rows, threshold) => {
        const all = rows.map(([domain, ids, asks, tests], at): Signer => [
          ...([`k${at}`, domain] as const),
          [
            'provenance',
            ...(asks ? ['promotion' as const] : []),
            ...(tests ? ['test' as const] : []),
          ],
          ids,
        ]);
        const of = [audit, 'https://third.example'];
        const expected = bruteForce(['d0', 'd1', 'd2', 'd3'], (some) => {
          const have = all.filter(([, domain]) => some.includes(domain ?? ''));
          const builds = (domain: string, id: string): boolean =>
            have.some(([, at, , ids]) => at === domain && ids.includes(id));
          // Every way to give each builder another domain, or none.
          const most = (left: readonly string[], used: readonly string[]): number => {
            const [id, ...rest] = left;
            if (id === undefined) return 0;
            const given = some
              .filter((domain) => !used.includes(domain) && builds(domain, id))
              .map((domain) => 1 + most(rest, [...used, domain]));
            return Math.max(most(rest, used), ...given);
          };
          const counted = some
            .filter((domain) => builds(domain, mainBuilder))
            .map((domain) => 1 + most(of, [domain]));
          const has = (role: Signer[2][number]): boolean =>
            have.some(([, , roles]) => roles.includes(role));
          return has('promotion') && has('test') && Math.max(0, ...counted) >= threshold;
        });
        const people = [person('leo', ['release-manager'])];
        const rules = [{ role: 'release-manager' as const, count: 1 }];
        const files = filesOf({ rules, people, signers: all, threshold, of });
        const machines = setsOf(files, 'foreign-bytes').map((set) => set.replace(/ ?leo/, ''));
        assert.deepEqual(machines.sort(), expected);
      }),
      { numRuns: 300 },
    );
  });
});

const manager = { role: 'release-manager' as const, count: 2 };
const leo = person('leo', ['release-manager']);
const mira = person('mira', ['release-manager', 'security']);
const nina = person('nina', ['release-manager']);

test('people who can do the same are one part, and machines of one domain one party', () => {
  const files = filesOf({ rules: [manager], people: [leo, mira, nina] });
  assert.deepEqual(wordsOf(files, 'within-rules'), ['any 2 of leo, mira, nina']);
  assert.deepEqual(wordsOf(files, 'foreign-bytes'), [
    'any 2 of leo, mira, nina; with machines of nonprod',
  ]);
  assert.deepEqual(wordsOf(files, 'configuration'), ['Ada; with any 1 of Ben, Cyd']);
  assert.deepEqual(warningsOf(waysOf(files, now)), []);
});

test('a second builder of another domain is a second party for bytes that main did not build', () => {
  const files = filesOf({
    ...{ rules: [manager], people: [leo, mira], threshold: 2, of: [audit] },
    signers: [
      ['k', 'nonprod', ['provenance', 'test', 'promotion'], [mainBuilder]],
      ['r', 'audit', ['provenance'], [audit]],
    ],
  });
  assert.deepEqual(wordsOf(files, 'foreign-bytes'), [
    'leo and mira; with machines of nonprod; with machines of audit',
  ]);
});

test('where one person is enough it is said, for each way', () => {
  const files = filesOf({ rules: [{ ...manager, count: 1 }], people: [leo, mira] });
  assert.deepEqual(warningsOf(waysOf(files, now)), [
    'One person is enough to deliver a release of main that somebody else wrote, within the rules: any 1 of leo, mira, alone.',
    'One person is enough to deliver bytes that main did not build: any 1 of leo, mira; with machines of nonprod.',
  ]);
});

test('rules that nobody can meet have no group, and people whose keys do not count are in none', () => {
  const none = filesOf({
    rules: [manager],
    people: [leo, person('mira', ['release-manager'], { passkeys: [] })],
  });
  assert.deepEqual(wordsOf(none, 'within-rules'), []);
  assert.equal(waysOf(none, now)[0]?.smallest, null);
});

test('too many ways are not all looked at, and that is said', () => {
  const roles = ['developer', 'release-manager', 'security', 'platform', 'auditor'] as const;
  const people = Array.from({ length: 31 * 10 }, (_, at) =>
    person(
      `p${at}`,
      roles.filter((_role, bit) => ((at % 31) + 1) & (1 << bit)),
    ),
  );
  const rules = roles.map((role) => ({ role, count: 2 }));
  const [within] = waysOf(filesOf({ rules, people }), now);
  assert.equal(within?.isComplete, false);
});

test('each power names who has it and through which login', () => {
  const files = filesOf({
    rules: [manager, { role: 'security', count: 1, when: 'delta.migrations > 0' }],
    people: [leo, { ...mira, passkeys: ['d'.repeat(64)] }, person('dana', ['developer'])],
  });
  const powers = powersOf(files, now);
  const of = (what: string) => powers.filter((power) => power.what === what);
  assert.deepEqual(
    of('approve as release manager')[0]?.holders.map(({ login }) => login),
    [
      'single sign-on as leo@idp.example, and any key enrolled in the ledger',
      'single sign-on as mira@idp.example, and the one key that the roster lists',
    ],
  );
  assert.match(
    of('approve as security')[0]?.condition ?? '',
    /^asked when delta\.migrations > 0; /,
  );
  assert.deepEqual(of('deliver without these approvals')[0]?.holders, []);
  assert.equal(of('change these rules')[0]?.need, 2);
  assert.equal(JSON.stringify(powers).includes('dana'), false);
});

test('a change is told by whom it lets in, and who alone would then be enough', () => {
  const before = filesOf({ rules: [manager], people: [leo, nina] });
  const after = filesOf({ rules: [{ ...manager, count: 1 }], people: [mira] });
  assert.deepEqual(powerChanges(before, after, now), [
    'prod-eu: mira may now approve as release manager',
    'prod-eu: leo, nina may no longer approve as release manager',
    'prod-eu: to approve as release manager it takes 1 instead of 2',
    'prod-eu: mira may now reject a release',
    'prod-eu: leo, nina may no longer reject a release',
    'prod-eu: mira may now take back an approval',
    'prod-eu: leo, nina may no longer take back an approval',
    'prod-eu: mira may now stop deliveries',
    'prod-eu: leo, nina may no longer stop deliveries',
    'prod-eu: mira may now lift a stop',
    'prod-eu: leo, nina may no longer lift a stop',
    'prod-eu: mira may now approve a return to an earlier release',
    'prod-eu: leo, nina may no longer approve a return to an earlier release',
    'prod-eu: to approve a return to an earlier release it takes 1 instead of 2',
    'prod-eu: after this change mira alone could deliver a release of main that somebody else wrote, within the rules',
    'prod-eu: after this change mira; with machines of nonprod could deliver bytes that main did not build',
  ]);
  assert.deepEqual(powerChanges(before, before, now), []);
});

describe('break-glass', () => {
  const files = (count: number): AccessFiles => {
    const ordinary = filesOf({
      rules: [{ role: 'release-manager', count: 2 }],
      people: [person('leo', ['release-manager']), person('mira', ['release-manager'])],
      signers: [['k', 'ci', ['provenance', 'test', 'promotion'], [mainBuilder]]],
    });
    const approvals = [{ role: 'release-manager' as const, count }];
    const breakGlass = { approvals, review: { count: 2, within: 3600 } };
    return { ...ordinary, policy: { ...ordinary.policy, breakGlass } };
  };
  const smallestOf = (given: AccessFiles, id: WayId) =>
    waysOf(given, now).find((way) => way.id === id)?.smallest;

  test('is a way of its own, and the shorter one for whoever brings foreign bytes', () => {
    assert.equal(smallestOf(files(1), 'within-rules'), 2);
    assert.equal(smallestOf(files(1), 'break-glass'), 1);
    assert.equal(smallestOf(files(1), 'foreign-bytes'), 2);
    assert.equal(smallestOf(files(2), 'foreign-bytes'), 3);
    assert.ok(warningsOf(waysOf(files(1), now)).length > 0, 'one person is enough');
  });

  test('names who approves it, and says that nobody does where no file opens it', () => {
    const holders = (given: AccessFiles) =>
      powersOf(given, now)
        .filter(({ id }) => id === 'break-glass')
        .map((power) => power.holders.map(({ id }) => id));
    assert.deepEqual(holders(files(1)), [['leo', 'mira']]);
    const closed = { ...files(1).policy, breakGlass: undefined };
    assert.deepEqual(holders({ ...files(1), policy: closed }), [[]]);
  });
});
