/** Each way to get a configuration wrong, and what `airlock config check` says of it: place, key, what and how to mend it. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { Command } from 'commander';
import { z } from 'zod';
import { pinnedHook } from '../setup/hook-digest.ts';
import { createSigningKey, trustRow } from '../setup/signing-keys.ts';
import { registerConfigCheck } from './config-check.ts';

const root = mkdtempSync(join(tmpdir(), 'airlock-config-check-'));
after(() => {
  rmSync(root, { recursive: true, force: true });
});

const hookYaml = `version: 1
name: load
summary: Loads a release.
needs: { credentials: { db: database }, egress: { db: postgres } }
params: { table: { type: string, required: true, summary: Where to. } }
`;
const person = (id: string, roles: string): string =>
  `  - { id: ${id}, name: ${id}, nameId: ${id}@shop.example, roles: [${roles}], gitEmails: [${id}@shop.example], passkeys: [] }\n`;
const roster = `version: 1
people:
${person('leo', 'release-manager')}${person('mira', 'release-manager')}${person('noa', 'release-manager')}${person('sam', 'security')}`;
const trust = JSON.stringify({
  version: 1,
  signers: (['provenance', 'test', 'promotion'] as const).map((role) =>
    trustRow({
      key: createSigningKey('ed25519'),
      roles: [role],
      builderIds: role === 'promotion' ? [] : ['https://ci.example/builders/main@v1'],
      adminDomain: 'platform',
      notBefore: new Date('2020-01-01T00:00:00Z'),
      notAfter: new Date('2100-01-01T00:00:00Z'),
    }),
  ),
});
const target = readFileSync(join(import.meta.dirname, 'config.fixture.yaml'), 'utf8')
  .replace('params: {}', 'params: { table: product }')
  .replace('.woodpecker.yaml', '.airlock/build.yaml');

const write = (path: string, text: string): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};

/** A directory without a fault. */
async function good(): Promise<string> {
  const directory = mkdtempSync(join(root, 'gate-'));
  write(join(directory, 'hooks/load/hook.yaml'), hookYaml);
  write(join(directory, 'hooks/load/run'), '#!/bin/sh\n');
  chmodSync(join(directory, 'hooks/load/run'), 0o755);
  const hook = await pinnedHook(join(directory, 'hooks/load'));
  write(join(directory, 'roster.yaml'), roster);
  write(join(directory, 'trust.json'), trust);
  write(join(directory, 'targets/prod-eu.yaml'), target.replace(/load@sha256:\w+/, hook));
  return directory;
}

type Edit = readonly [file: string, from: string | RegExp, to: string];

async function check(directory: string, ...more: string[]): Promise<{ code: number; out: string }> {
  const before = process.exitCode;
  process.exitCode = 0;
  const lines: string[] = [];
  const program = new Command('airlock').exitOverride();
  registerConfigCheck(program, (told) => {
    lines.push(...told);
  });
  const nowhere = join(root, 'no-administrators.json');
  try {
    await program.parseAsync(['check', directory, '--administrators', nowhere, ...more], {
      from: 'user',
    });
    return { code: process.exitCode, out: lines.join('\n') };
  } finally {
    process.exitCode = before;
  }
}

async function faultsOf(...edits: readonly Edit[]): Promise<string[]> {
  const directory = await good();
  for (const [file, from, to] of edits) {
    const path = join(directory, file);
    const text = readFileSync(path, 'utf8');
    const edited = text.replace(from, to);
    assert.notEqual(edited, text, `${String(from)} is in ${file}`);
    writeFileSync(path, edited);
  }
  const { code, out } = await check(directory);
  assert.equal(code, 5, out);
  return out
    .split('\n')
    .filter((line) => line.startsWith('✗ '))
    .map((line) => line.slice(2).replaceAll(`${directory}/`, ''));
}

const eu = 'targets/prod-eu.yaml';
/** The hook that delivers looks as well. */
const observed = (every: string): [from: RegExp, to: string] => [
  /^([^]*)(load@sha256:\w+)([^]*)$/,
  `$1$2$3\nobserve: { hook: $2, every: ${every}, params: { table: product } }\n`,
];
const bad: [claim: string, edits: readonly Edit[], told: readonly string[]][] = [
  [
    'a key with a letter too few',
    [[eu, 'maxAge:', 'maxAg:']],
    [
      'targets/prod-eu.yaml:4:5 admits.0.maxAge: required and missing; add it: Oldest build that may be delivered, such as 14d.',
      'targets/prod-eu.yaml:15:5 admits.0.maxAg: unknown key; did you mean maxAge?',
    ],
  ],
  [
    'a key inside of an egress',
    [[eu, 'host: 127', 'hots: 127']],
    [
      'targets/prod-eu.yaml:32:12 deliver.egress.0.host: required and missing; add it',
      'targets/prod-eu.yaml:32:38 deliver.egress.0.hots: unknown key; did you mean host?',
    ],
  ],
  [
    'a key that nobody knows',
    [[eu, 'jwtRole:', 'team: shop\n    jwtRole:']],
    [
      'targets/prod-eu.yaml:25:5 credentials.vault.team: unknown key; remove it or correct its spelling (known here: jwtMount, jwtRole, ttl, reads, outlives)',
    ],
  ],
  [
    'a key that is missing',
    [[eu, /\n {2}expires: 24h/, '']],
    [
      'targets/prod-eu.yaml:18:1 approvals.expires: required and missing; add it: How long a promotion waits and an approval counts, such as 24h.',
    ],
  ],
  [
    'YAML that is none',
    [[eu, 'refs: [refs', 'refs: [[refs']],
    [
      'targets/prod-eu.yaml:6:5 Flow sequence in block collection must be sufficiently indented and end with a ] at line 6, column 5',
    ],
  ],
  [
    'a key that stands twice',
    [[eu, 'version: 1', 'version: 1\nversion: 1']],
    ['targets/prod-eu.yaml:2:1 Map keys must be unique at line 2, column 1'],
  ],
  [
    'a file that is named otherwise than its target',
    [[eu, 'target: prod-eu', 'target: prod-us']],
    ['targets/prod-eu.yaml:2:9 target: is prod-us; name the file prod-us.yaml or correct the key'],
  ],
  [
    'a duration without its unit',
    [[eu, 'maxAge: 14d', 'maxAge: 14']],
    [
      'targets/prod-eu.yaml:15:13 admits.0.maxAge: Invalid input: expected string, received number; expected: Oldest build that may be delivered, such as 14d.',
    ],
  ],
  [
    'a role that does not exist',
    [[eu, 'role: release-manager', 'role: manager']],
    [
      'targets/prod-eu.yaml:19:19 approvals.rules.0.role: Invalid option: expected one of "developer"|"release-manager"|"security"|"platform"|"auditor"; expected: Role that the people must have.',
    ],
  ],
  [
    'a condition of a name that there is not',
    [[eu, 'count: 2 }', 'count: 2 }, { role: security, count: 1, when: "delta.size > 3" }']],
    [
      'targets/prod-eu.yaml:19:82 approvals.rules.1.when: at its character 1 it knows no delta.size; known are delta.paths, delta.authors, delta.commits, delta.files, delta.newDependencies, delta.migrations, release.version, release.repository, release.artifact, release.requester; expected: When the rule applies, such as delta.paths matches "^infra/" || delta.newDependencies > 0. Default: always.',
    ],
  ],
  [
    'more people than have the role',
    [[eu, 'count: 2', 'count: 4']],
    [
      'targets/prod-eu.yaml:19:11 approvals.rules.0: 4 of role release-manager must approve, and roster.yaml has leo, mira, noa; give the role to more people, or ask for fewer',
    ],
  ],
  [
    'a role that nobody has',
    [[eu, 'count: 2 }', 'count: 2 }, { role: platform, count: 1 }']],
    [
      'targets/prod-eu.yaml:19:3 approvals.rules: an approval fills one seat of one rule; where all rules apply, 1 more people are needed than roster.yaml has; give the roles to more people',
      'targets/prod-eu.yaml:19:48 approvals.rules.1: 1 of role platform must approve, and roster.yaml has nobody; give the role to more people, or ask for fewer',
    ],
  ],
  [
    'rules that need more people together than there are',
    [
      [eu, 'count: 2 }', 'count: 3 }, { role: security, count: 1 }'],
      ['roster.yaml', person('sam', 'security'), ''],
      [
        'roster.yaml',
        'noa@shop.example, roles: [release-manager]',
        'noa@shop.example, roles: [release-manager, security]',
      ],
    ],
    [
      'targets/prod-eu.yaml:19:3 approvals.rules: an approval fills one seat of one rule; where all rules apply, 1 more people are needed than roster.yaml has; give the roles to more people',
    ],
  ],
  [
    'authors that would count',
    [[eu, 'exclude: [requester, authors, committers]', 'exclude: [requester]']],
    [
      'targets/prod-eu.yaml:20:3 approvals.exclude: requester, authors and committers never count; list all three; expected: Who never counts: requester, authors and committers at least; mergers (who made the merge commits of main) and policyEditors (who signed the configuration since the last delivery) beside them.',
    ],
  ],
  [
    'a token that ends before the hook may',
    [[eu, 'ttl: 5m', 'ttl: 2m']],
    [
      'targets/prod-eu.yaml:26:10 credentials.vault.ttl: 120 s is too short: waves, pauses, verification, return and a margin of 30 s take 150 s at the longest; raise it, or shorten deliver.timeout (120 s) or what comes after; expected: Longest life of the token and its leases; at least deliver.timeout and 30s.',
    ],
  ],
  [
    'windows that never open',
    [
      [
        eu,
        'approvals:',
        'windows: { deny: [{ name: over, start: 2020-01-01, end: 2199-12-31 }] }\napprovals:',
      ],
    ],
    ['targets/prod-eu.yaml:18:1 windows: never open within 400 days; correct them'],
  ],
  [
    'a window over midnight',
    [
      [
        eu,
        'approvals:',
        'windows: { allow: [{ rrule: "FREQ=WEEKLY;BYDAY=MO", from: "22:00", to: "02:00", tz: UTC }] }\napprovals:',
      ],
    ],
    [
      'targets/prod-eu.yaml:18:72 windows.allow.0.to: ends before it begins; write a window over midnight as two; expected: Until this time of day, which is outside; 24:00 is the end of the day.',
    ],
  ],
  [
    'a hook that no folder is of',
    [[eu, 'hook: load@', 'hook: laod@']],
    ['targets/prod-eu.yaml:29:9 deliver.hook: hooks has no hook laod; did you mean load?'],
  ],
  [
    'a hook that was changed',
    [['hooks/load/run', '/bin/sh', '/bin/bash']],
    [
      'targets/prod-eu.yaml:29:9 deliver.hook: the hook load in hooks is sha256:7a35404e5001907277614bb757a11587e89b0d722098fc757fb14e29b30f5e36; restore its files, or pin this digest and have it approved',
    ],
  ],
  [
    'a param that the hook does not know',
    [[eu, 'table: product', 'tables: product']],
    ['targets/prod-eu.yaml:31:21 deliver.params.tables: the hook knows no such param (hook load)'],
  ],
  [
    'a credential that the hook does not name',
    [
      [
        eu,
        'role: shop }]',
        'role: shop }, { as: copy, kind: database, mount: database, role: shop-ro }]',
      ],
    ],
    [
      'targets/prod-eu.yaml:29:9 deliver.hook: hook load: it names no credential copy (database), which would be handed to it; correct credentials.vault.reads or deliver.egress, or needs in hook.yaml',
    ],
  ],
  [
    'an observe hook that needs a credential',
    [[eu, ...observed('15m')]],
    [
      'targets/prod-eu.yaml:34:18 observe.hook: hook load: it needs credential db (database); an observe hook gets none, because a login for it would outlive every delivery; let it ask what the target shows to anybody, by an egress without credential',
    ],
  ],
  [
    'an observe hook that would hardly ever rest',
    [[eu, ...observed('4s')]],
    [
      'targets/prod-eu.yaml:34:103 observe.every: at least 5s expected, such as 15m; expected: About how long from one look to the next, such as 15m; at least 5s.',
    ],
  ],
  [
    'a team to be told that has nobody',
    [[eu, 'approvals:', 'notify: { escalate: { after: 8h, role: auditor } }\napprovals:']],
    [
      'targets/prod-eu.yaml:18:40 notify.escalate.role: nobody in roster.yaml has the role auditor; name one that somebody has',
    ],
  ],
  [
    'a builder whose key nobody pinned',
    [[eu, 'builders/main@v1', 'builders/other@v1']],
    [
      'targets/prod-eu.yaml:11:13 admits.0.builders.id: no key in trust.json counts now for https://ci.example/builders/other@v1; pin one with airlock signer pin',
      'targets/prod-eu.yaml:12:20 admits.0.builders.threshold: 1 asks for as many administrative domains, and the keys that count now are of 0; pin one with airlock signer pin, or ask for fewer',
    ],
  ],
  [
    'two people with one address',
    [['roster.yaml', 'gitEmails: [mira@', 'gitEmails: [leo@']],
    [
      'roster.yaml:4:82 people.1.gitEmails: leo@shop.example stands twice; each belongs to one person',
    ],
  ],
  [
    'a person who decides without a list of passkeys',
    [['roster.yaml', '[leo@shop.example], passkeys: []', '[leo@shop.example]']],
    [
      'roster.yaml:3:5 people.0: leo approves, lifts stops or looks at deliveries by break-glass, and has no passkeys key; list the enrolments that count (the page /me shows each as a line to paste), or passkeys: []',
    ],
  ],
  [
    'a role of the roster that is misspelt',
    [['roster.yaml', 'roles: [security]', 'roles: [secuirty]']],
    [
      'roster.yaml:6:61 people.3.roles.0: Invalid option: expected one of "developer"|"release-manager"|"security"|"platform"|"auditor"; correct the value',
    ],
  ],
  [
    'trust.json that pins no signer',
    [['trust.json', /\[\{.*\}\]/, '[]']],
    ['trust.json:1:14 signers: Too small: expected array to have >=1 items; correct the value'],
  ],
];

for (const [claim, edits, told] of bad) {
  test(`${claim} is told with its place`, async () => {
    const found = await faultsOf(...edits);
    assert.deepEqual(found, told);
  });
}

test('a directory without a fault has none told', async () => {
  const directory = await good();
  const { code, out } = await check(directory);
  assert.deepEqual([code, out.split('\n').at(-1)], [0, '✓ it can do what it says']);
  assert.doesNotMatch(out, /✗/);
});

test('faults of several files are told at once, and as JSON with place, key and message', async () => {
  const directory = await good();
  writeFileSync(join(directory, 'roster.yaml'), 'version: 2\n');
  write(join(directory, 'targets/prod-us.yaml'), 'version: 1\n');
  const { code, out } = await check(directory, '--json');
  assert.equal(code, 5);
  const Told = z.object({
    faults: z.array(
      z.strictObject({
        ...{ file: z.string(), path: z.string(), message: z.string() },
        ...{ line: z.int().min(1), column: z.int().min(1) },
      }),
    ),
  });
  const { faults } = Told.parse(JSON.parse(out));
  assert.deepEqual(
    [...new Set(faults.map(({ file }) => file))],
    ['roster.yaml', 'targets/prod-us.yaml'],
  );
  assert.ok(faults.some(({ path }) => path === 'people'));
});

test('hooks elsewhere are named with --hooks, and none at hand is told and no fault', async () => {
  const directory = await good();
  const elsewhere = join(directory, 'hooks');
  const bare = mkdtempSync(join(root, 'bare-'));
  for (const file of ['roster.yaml', 'trust.json', eu]) {
    write(join(bare, file), readFileSync(join(directory, file), 'utf8'));
  }
  assert.match((await check(bare)).out, /! .*hooks cannot be read, .*; name it with --hooks/);
  assert.equal((await check(bare, '--hooks', elsewhere)).code, 0);
  const empty = mkdtempSync(join(root, 'empty-'));
  assert.equal((await check(bare, '--hooks', empty)).code, 5);
});

test('rules on trial that nobody could meet are told, and are no fault', async () => {
  const directory = await good();
  const file = join(directory, eu);
  const shadow = `shadow:
  approvals:
    rules: [{ role: platform, count: 1 }]
    exclude: [requester, authors, committers]
    expires: 24h
`;
  writeFileSync(file, readFileSync(file, 'utf8') + shadow);
  const { code, out } = await check(directory);
  assert.equal(code, 0, out);
  assert.match(out, /! \S+ shadow\.approvals\.rules\.0: 1 of role platform .* has nobody/);
});
