/** The gate compiles files that a stranger may have merged: no file of 64 KiB may hold intake for a second. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planMain } from './run-plan.ts';

const fill = (line: (index: number) => string, head = 'steps:\n'): string => {
  let text = head;
  for (let index = 0; ; index += 1) {
    const next = line(index);
    if (text.length + next.length > 65_000) return text;
    text += next;
  }
};

const hostile: [what: string, pipeline: string][] = [
  ['steps without end', fill((n) => `  - { name: s${n}, image: a, commands: [b] }\n`)],
  ['keys without end', fill((n) => `  k${n}: v\n`)],
  ['repeated keys', fill(() => `  k: v\n`)],
  ['anchors without end', fill((n) => `  - &a${n} x\n`)],
  ['aliases without end', fill(() => '  - *a\n', 'variables: &a [x]\nsteps:\n')],
  [
    'merges of merges',
    fill(
      (n) => `  k${n}: &m${n} { <<: [*m${Math.max(n - 1, 0)}, *b], x${n}: 1 }\n`,
      'variables:\n  b: &b { a: 1, b: 2 }\n  m: &m0 { c: 1 }\nsteps:\n',
    ),
  ],
  ['flow lists within each other', `steps: ${'['.repeat(32_000)}`],
  ['flow maps within each other', `steps: ${'{a: '.repeat(16_000)}`],
  ['block lists within each other', `steps:\n${'- '.repeat(32_000)}x`],
  ['quotes that never end', `steps: "${'\\u0041'.repeat(10_000)}`],
  ['faults on every line', fill(() => ' }\n')],
  ['tabs', fill(() => '\t\t- x\n')],
  ['question marks', fill(() => '? ? ? \n')],
  ['folded text', fill((n) => `  - commands: >-\n      a${n}\n\n\n      b\n`)],
  ['documents without end', fill(() => '---\n')],
  ['comments', fill(() => '#\n')],
  [
    'patterns of stars',
    fill(() => `  - { image: a, commands: [b], when: { branch: "${'*a'.repeat(500)}" } }\n`),
  ],
];
for (const [what, pipeline] of hostile) {
  test(`compiled or refused within a second of work: ${what}`, () => {
    // Processor time, because a busy machine says nothing about the file.
    const before = process.cpuUsage();
    const planned = planMain({
      pipelines: [{ path: '.woodpecker.yaml', text: pipeline }],
      release: pipeline,
    });
    const { user, system } = process.cpuUsage(before);
    assert.ok(user + system < 1_000_000, `${Math.round((user + system) / 1000)} ms`);
    assert.notEqual(planned.kind, 'nothing');
  });
}
