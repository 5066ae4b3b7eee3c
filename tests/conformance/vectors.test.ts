import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { runConformance, type ConformanceKind } from '@airlock/cli/conformance';

const vectors = new URL('../vectors/', import.meta.url);

function casesOf(kind: ConformanceKind) {
  const directory = new URL(`${kind}/`, vectors);
  return readdirSync(directory)
    .filter((name) => name.endsWith('.json'))
    .map((name) => ({ name, text: readFileSync(new URL(name, directory), 'utf8') }));
}

for (const [kind, count] of [
  ['admission', 92],
  ['approval', 20],
] as const) {
  for (const vector of casesOf(kind)) {
    test(`${kind} vector ${vector.name} gives its code`, () => {
      const { lines, failed } = runConformance(kind, [vector]);
      assert.equal(failed, 0, lines[0]);
    });
  }

  test(`there are ${count} ${kind} vectors`, () => {
    assert.equal(casesOf(kind).length, count);
  });
}

test('a case that expects something else, and a file that is no case, fail and say why', () => {
  const [good] = casesOf('approval');
  assert.ok(good !== undefined);
  const changed = (name: string, from: string | RegExp, to: string) => {
    assert.notEqual(good.text.replace(from, to), good.text);
    return { name, text: good.text.replace(from, to) };
  };
  const { lines, passed, failed } = runConformance('approval', [
    good,
    changed('wrong.json', '"OK"', '"E_APPROVAL_DUP"'),
    changed('no-time.json', /"now": "[^"]*"/, '"now": "soon"'),
    changed('no-need.json', '"need": 2', '"need": "2"'),
    { name: 'not-json.json', text: '{' },
    { name: 'empty.json', text: '{}' },
  ]);
  assert.deepEqual(lines.slice(0, 2), ['A00 OK OK', 'A00 E_APPROVAL_DUP OK']);
  const [noTime = '', noNeed = '', notJson = '', empty = ''] = lines.slice(2);
  assert.match(noTime, /^no-time\.json CASE UNREADABLE now: no time$/);
  assert.match(noNeed, /^no-need\.json CASE UNREADABLE need: /);
  assert.match(notJson, /^not-json\.json CASE UNREADABLE not JSON: /);
  assert.match(empty, /^empty\.json CASE UNREADABLE id: /);
  assert.equal(lines.at(-1), '1 passed, 5 failed');
  assert.deepEqual([passed, failed], [1, 5]);
});

test('a case may carry notes of whoever wrote it, and null where a field does not apply', () => {
  const [admission] = casesOf('admission').filter(({ name }) => name === 'G01.json');
  const [approval] = casesOf('approval').filter(({ name }) => name === 'A00.json');
  assert.ok(admission !== undefined && approval !== undefined);
  const annotated = {
    name: 'annotated.json',
    text: admission.text
      .replaceAll('"keyid": ', '"revokedAt": null, "note": "x", "keyid": ')
      .replaceAll('"onMain": ', '"author": "dana", "onMain": ')
      .replaceAll('"threshold": ', '"why": "x", "threshold": ')
      .replace('"lastPosition": 7', '"lastPosition": null'),
  };
  const withHandle = {
    name: 'with-handle.json',
    text: approval.text
      .replaceAll('"credentialId": ', '"userHandle": "x", "credentialId": ')
      .replaceAll('"rpId": ', '"revokedAt": null, "rpId": '),
  };
  assert.ok(annotated.text.includes('"note": "x"') && withHandle.text.includes('"userHandle"'));
  assert.equal(runConformance('admission', [annotated]).lines[0], 'G01 OK OK');
  assert.equal(runConformance('approval', [withHandle]).lines[0], 'A00 OK OK');
});
