import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matterText, readMatter } from './matter.ts';

const hex = 'a'.repeat(64);

test('each kind is read in its form, and a digest with or without its algorithm is the same', () => {
  const forms = [
    'key:SHA/256+base64=',
    'builder:https://nonprod.example/builders/main@v1',
    'runner:r-7',
    `image:${hex}`,
    `commit:${'b'.repeat(40)}`,
    `artifact:${hex}`,
    'package:pkg:npm/%40scope/name@1.0.0',
    'person:mira',
  ];
  const read = forms.map((text) => readMatter(text));
  assert.deepEqual(
    read.map((matter) => ('fault' in matter ? matter.fault : matterText(matter))),
    forms,
  );
  assert.deepEqual(readMatter(`image:sha256:${hex}`), { kind: 'image', value: hex });
});

test('what no release could ever match is refused, and says what was expected', () => {
  const faults = [
    ['host:r-7', /Name it as key:…/],
    ['runner', /Name it as/],
    ['commit:4f0a', /full id of a commit, 40 hexadecimal digits/],
    [`artifact:${hex.toUpperCase()}`, /SHA-256 of an artifact/],
    ['runner:../r-7', /name of a runner/],
    ['package:left-pad', /purl/],
    ['key:a b', /id of a signing key/],
    [`key:${'k'.repeat(200)}`, /id of a signing key/],
  ] as const;
  for (const [text, fault] of faults) {
    const read = readMatter(text);
    assert.ok('fault' in read, text);
    assert.match(read.fault, fault);
  }
});
