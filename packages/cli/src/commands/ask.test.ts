import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { CliError, exitCode } from '../exit-codes.ts';
import { registerAsk, remarkLines } from './ask.ts';

const at = '2026-11-22T10:00:00.000Z';

test('what was asked and answered is shown line by line, without what would move a terminal', () => {
  assert.deepEqual(
    remarkLines([
      { name: 'Mira', text: 'Why now?\n\nIt is late.', at },
      { name: 'Da\u202ena', text: '\u001b[2JThe sale.', at },
    ]),
    [
      ...['Mira, 2026-11-22T10:00:00Z', '  Why now?', '  It is late.'],
      ...['Da\\u{202e}na, 2026-11-22T10:00:00Z', '  \\u{1b}[2JThe sale.'],
    ],
  );
  assert.deepEqual(remarkLines([]), ['Nobody has asked anything.']);
});

test('a question without words, or too long, is refused before anybody signs in', async () => {
  for (const [text, words] of [
    ['', /this has 0; leave it out to read/],
    [' \t', /this has 0/],
    ['x'.repeat(1001), /1 to 1000 characters, and this has 1001$/],
  ] as const) {
    const program = new Command().exitOverride();
    registerAsk(program, () => {});
    await assert.rejects(
      program.parseAsync(['ask', 'prm_0000000000', text], { from: 'user' }),
      (error) =>
        error instanceof CliError && error.exitCode === exitCode.usage && words.test(error.message),
    );
  }
});
