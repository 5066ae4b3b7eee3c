import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Command } from 'commander';
import { CliError, exitCode } from '../exit-codes.ts';
import { listLines, shownLines, stopLines, type PlacedStop } from '../stop-requests.ts';
import { registerLeases } from './leases.ts';
import { registerStops } from './stops.ts';

const stop: PlacedStop = {
  ...{ id: 'stp_0000000001', kind: 'freeze', targets: ['prod-eu'], matter: null, since: null },
  until: null,
  ...{ except: [], reason: 'checkout is\u001b[2J down', person: 'leo' },
  ...{ placedAt: '2026-11-22T10:00:00.000Z', effect: 'New ones wait.' },
};

describe('airlock stops', () => {
  test('says what, where, who, why and what it does, and no terminal sequence of a reason', () => {
    assert.deepEqual(stopLines(stop), [
      'stp_0000000001  freeze of prod-eu, by leo at 2026-11-22T10:00:00Z',
      '  “checkout is\\u{1b}[2J down”',
      '  New ones wait.',
    ]);
    const quarantine = { ...stop, kind: 'quarantine', matter: 'commit:4f0a', targets: [] };
    assert.match(
      stopLines(quarantine)[0] ?? '',
      /quarantine of commit:4f0a on all targets, by leo/,
    );
  });

  test('says who has signed, what the host stops, and that nothing is stopped only when nothing is', () => {
    const nothing = { stops: [], over: [], emergencyStopSince: null };
    assert.deepEqual(listLines(nothing), ['Nothing is stopped.']);
    const host = listLines({ ...nothing, emergencyStopSince: '2026-11-22T10:00:00.000Z' });
    assert.match(host.join('\n'), /^! The emergency stop is set .* since 2026-11-22T10:00:00Z/);
    assert.ok(!host.includes('Nothing is stopped.'));
    const listed = listLines({ ...nothing, stops: [{ ...stop, signedBy: ['mira'] }] });
    assert.equal(listed.at(-1), '  start again: 1 of 2 signed (mira)');
  });
});

test('airlock stops show says how soon it took effect and what happened when, and no terminal sequence', () => {
  const incident = {
    summary: 'It ends 1 delivery: 1 hook ended after 0.8 s.',
    timeline: [
      { index: 7, at: '2026-11-22T10:00:00.000Z', says: 'leo stopped deliveries', afterMs: 0 },
      { index: 9, at: '2026-11-22T10:00:03.100Z', says: 'the hook\u001b[2J ended', afterMs: 3100 },
    ],
  };
  assert.deepEqual(shownLines({ stop, incident }).slice(3), [
    '  It ends 1 delivery: 1 hook ended after 0.8 s.',
    '      +0.0 s  2026-11-22T10:00:00Z  leo stopped deliveries (entry 7)',
    '      +3.1 s  2026-11-22T10:00:03Z  the hook\\u{1b}[2J ended (entry 9)',
  ]);
  assert.match(shownLines({ stop, incident: null }).at(-1) ?? '', /ledger has it within seconds/);
});

const misuse: readonly (readonly [title: string, words: RegExp, ...args: string[]])[] = [
  ['a freeze of nothing', /name the targets, or --all/, 'freeze', '-m', 'x'],
  ['a stop of all but one', /or --all, not both/, 'stop', '--all', 'prod-eu', '-m', 'x'],
  [
    'a freeze for no duration',
    /--for "soon": expected a number/,
    'freeze',
    '--all',
    '--for',
    'soon',
    '-m',
    'x',
  ],
  ['an id that is no stop’s', /ids look like stp_/, 'start-again', '../x'],
  ['revoking nothing', /name one of --all/, 'leases', 'revoke', '-m', 'x'],
  [
    'revoking two things',
    /name one of --all/,
    'leases',
    'revoke',
    '--all',
    '--target',
    'a',
    '-m',
    'x',
  ],
  [
    'an id that is no delivery’s',
    /ids look like dlv_/,
    'leases',
    'revoke',
    '--delivery',
    'x',
    '-m',
    'x',
  ],
];
for (const [title, words, ...args] of misuse) {
  test(`${title} is refused before anything is sent`, async () => {
    const program = new Command('airlock').enablePositionalOptions().exitOverride();
    registerStops(program, () => {});
    registerLeases(program, () => {});
    await assert.rejects(
      program.parseAsync(args, { from: 'user' }),
      (error) =>
        error instanceof CliError && error.exitCode === exitCode.usage && words.test(error.message),
    );
  });
}
