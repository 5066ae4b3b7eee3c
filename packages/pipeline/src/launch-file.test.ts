import assert from 'node:assert/strict';
import { test } from 'node:test';
import { launchVariables, parseLaunchFile, type LaunchField } from './launch-file.ts';

function fieldsOf(text: string | null): readonly LaunchField[] {
  const form = parseLaunchFile(text);
  assert.ok(form.ok, form.ok ? '' : form.reasons.join('\n'));
  return form.fields;
}

const form = `version: 1
fields:
  REGION: { type: choice, options: [eu, us], default: eu, label: Where to }
  REPLICAS: { type: number, min: 1, max: 10, required: true }
  NOTE: { type: text, maxLength: 20 }
  DRY_RUN: { type: boolean, default: true }
`;

test('answers become variables, and what was left out has its default', () => {
  assert.deepEqual(launchVariables(fieldsOf(form), { REPLICAS: '3', NOTE: 'x' }), {
    ok: true,
    variables: { REGION: 'eu', REPLICAS: '3', NOTE: 'x', DRY_RUN: 'true' },
  });
});

test('an answer that a shell would act on stays the text that it is', () => {
  const note = '"; rm -rf / #$(id)';
  const launched = launchVariables(fieldsOf(form), { REPLICAS: '3', NOTE: note });
  assert.ok(launched.ok);
  assert.equal(launched.variables['NOTE'], note);
});

const refused: [name: string, answers: Record<string, string>, reason: RegExp][] = [
  [
    'a choice that is none',
    { REPLICAS: '1', REGION: 'eu; id' },
    /^REGION: expected one of eu, us$/,
  ],
  [
    'a number above its bound',
    { REPLICAS: '11' },
    /^REPLICAS: expected a whole number from 1 to 10$/,
  ],
  ['a number with a command in it', { REPLICAS: '1;id' }, /^REPLICAS: /],
  ['a number that JavaScript would take', { REPLICAS: '0x3' }, /^REPLICAS: /],
  ['nothing where something is needed', {}, /^REPLICAS: REPLICAS is needed$/],
  [
    'a text that is too long',
    { REPLICAS: '1', NOTE: 'x'.repeat(21) },
    /^NOTE: at most 20 characters$/,
  ],
  ['a word for a boolean', { REPLICAS: '1', DRY_RUN: 'yes' }, /^DRY_RUN: expected true or false$/],
  ['a field that is not asked for', { REPLICAS: '1', PATH: '/tmp' }, /^PATH: not asked for/],
  ['a field of every object', { REPLICAS: '1', constructor: 'x' }, /^constructor: not asked for/],
];
for (const [name, answers, reason] of refused) {
  test(`refused by field: ${name}`, () => {
    const launched = launchVariables(fieldsOf(form), answers);
    assert.ok(!launched.ok);
    assert.equal(launched.reasons.length, 1);
    assert.match(launched.reasons[0] ?? '', reason);
  });
}

const faulty: [name: string, text: string, reason: RegExp][] = [
  ['a variable that the loader acts on', 'fields: { LD_PRELOAD: { type: text } }', /:1:11: .*LD_/],
  ['a variable of the run itself', 'fields: { CI_COMMIT_SHA: { type: text } }', /CI_/],
  [
    'a type that is none',
    'fields:\n  A: { type: shell }',
    /:2:6: fields\.A\.type: expected text, number/,
  ],
  ['a choice of nothing', 'fields: { A: { type: choice } }', /fields\.A\.options: missing/],
  [
    'a default that is out of bounds',
    'fields: { A: { type: number, max: 3, default: 4 } }',
    /default/,
  ],
  ['a key that is none', 'fields: { A: { type: text, comand: x } }', /comand/],
];
for (const [name, text, reason] of faulty) {
  test(`a launch file is refused with the place: ${name}`, () => {
    const parsed = parseLaunchFile(text);
    assert.ok(!parsed.ok);
    assert.match(parsed.reasons.join('\n'), reason);
    assert.match(parsed.reasons[0] ?? '', /^\.airlock\/launch\.yaml:\d+:\d+: /);
  });
}

test('a commit without the file asks for nothing, and takes no answer', () => {
  assert.deepEqual(launchVariables(fieldsOf(null), {}), { ok: true, variables: {} });
  assert.ok(!launchVariables(fieldsOf(null), { A: '1' }).ok);
});
