import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ArtifactChanges, artifactLines } from './artifact-lines.ts';

const none = { added: 0, removed: 0, changed: 0, relicensed: 0, list: [], unread: [] };
const changes = (changed: Record<string, unknown>): ArtifactChanges =>
  ArtifactChanges.parse({
    ...{ before: { size: 10 }, after: { size: 12 }, unread: null },
    ...{ files: 3, added: 0, removed: 0, changed: 0, list: [] },
    sbom: { before: 1, after: 1, ...none },
    ...changed,
  });

test('files and components are printed with what they were, and control characters are not', () => {
  const lines = artifactLines(
    changes({
      ...{ added: 1, removed: 1, changed: 400 },
      list: [
        { path: 'a\u001b[31m', change: 'added', before: null, after: { size: 3, mode: 0o755 } },
        {
          ...{ path: 'b', change: 'changed' },
          ...{ before: { size: 1, mode: 0o644 }, after: { size: 2, mode: 0o755 } },
        },
        { path: 'c', change: 'removed', before: { size: 4, mode: 0o600 }, after: null },
      ],
      sbom: {
        ...{ before: 3, after: 3, added: 1, removed: 1, changed: 1, relicensed: 1, unread: [] },
        list: [
          { name: 'n', from: null, to: '1', licenceBefore: null, licenceAfter: 'MIT' },
          { name: 'l', from: '1', to: '1', licenceBefore: 'MIT', licenceAfter: null },
          { name: 'v', from: '1', to: '2', licenceBefore: null, licenceAfter: null },
          { name: 'd', from: '1', to: null, licenceBefore: 'MIT', licenceAfter: null },
        ],
      },
    }),
  );
  assert.ok(!lines.join('\n').includes('\u001b'));
  assert.deepEqual(lines.slice(2), [
    '  ~ b  2 bytes, 644 → 755',
    '  − c  4 bytes, 600',
    '  and 399 more',
    'SBOM difference: +1 −1 ~1, 1 under another licence',
    '  + n 1',
    '  ~ l 1  licence MIT → none said',
    '  ~ v 1 → 2',
    '  − d 1',
  ]);
  assert.equal(lines[0], 'Artifact: 10 → 12 bytes; 1 files new, 400 changed, 1 gone, of 3');
});

test('what is not compared is said in words', () => {
  const last = (sbom: Record<string, unknown>): string =>
    artifactLines(changes({ sbom: { ...none, before: null, after: null, ...sbom } })).at(-1) ?? '';
  assert.equal(last({}), 'SBOM: none in the artifact');
  assert.match(last({ before: 2 }), /what is live has one with 2 components/);
  assert.match(last({ after: 2 }), /what is live holds none to compare it with/);
  const unread = [{ side: 'before', file: 'bom.json', why: 'no JSON in UTF-8' }];
  assert.match(last({ unread }), /bom\.json of what is live is no JSON in UTF-8/);
  assert.match(artifactLines(changes({ unread: 'too large' }))[0] ?? '', /not compared: too large/);
});

test('a container image tells what it builds on and as whom it runs', () => {
  const image = {
    ...{ baseBefore: 'debian:12', baseAfter: 'debian:13', runsBefore: '1: /a', runsAfter: '1: /a' },
    ...{ layersBefore: 2, layersAfter: 3, layersKept: 0 },
  };
  assert.deepEqual(artifactLines(changes({ image })).slice(1, 4), [
    'Container image: built on debian:12 → debian:13',
    '  runs as 1: /a',
    '  2 → 3 layers, 0 as before',
  ]);
});

test('a container image that was not read is said with its reason, and nothing is said to be as before', () => {
  const image = {
    ...{ baseBefore: 'debian:12', baseAfter: null, runsBefore: '1: /a', runsAfter: null },
    ...{ layersBefore: 2, layersAfter: 0, layersKept: 0 },
  };
  const after = { side: 'after', file: 'index.json', why: 'is missing' };
  assert.deepEqual(artifactLines(changes({ image: { ...image, unread: [after] } })).slice(1, 4), [
    'Container image not compared: index.json of this release is missing',
    'Container image: built on debian:12 → unread',
    '  runs as 1: /a → unread',
  ]);
  const both = [{ ...after, side: 'before' }, after];
  const lines = artifactLines(changes({ image: { ...image, unread: both } })).join('\n');
  assert.match(lines, /index\.json of what is live is missing\n.*of this release is missing/);
  assert.doesNotMatch(lines, /built on|layers/);
});
