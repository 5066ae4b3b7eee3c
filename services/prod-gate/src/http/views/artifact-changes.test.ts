import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderPage } from '@airlock/web/page';
import { checksOf } from '../../app/checks.ts';
import type { ArtifactDelta } from '../../domain/changes/artifact-delta.ts';
import { flagsOf } from './flags.ts';
import { PromotionPage } from './promotion-page.tsx';
import { frame, hostile, now, promotion, viewOf } from './promotion-view.fixture.ts';

const sbom: ArtifactDelta['sbom'] = {
  ...{ before: 3, after: 3, added: 1, removed: 1, changed: 1, relicensed: 1 },
  list: [
    { name: hostile, from: null, to: hostile, licenceBefore: null, licenceAfter: hostile },
    { name: 'b', from: '1', to: '1', licenceBefore: 'MIT', licenceAfter: 'AGPL-3.0' },
    { name: 'c', from: '1', to: '2', licenceBefore: null, licenceAfter: null },
    { name: 'd', from: '1', to: null, licenceBefore: 'MIT', licenceAfter: null },
  ],
  unread: [],
};
const artifact: ArtifactDelta = {
  before: { digest: '1'.repeat(64), size: 10 },
  after: { digest: '2'.repeat(64), size: 20 },
  unread: null,
  ...{ files: 400, added: 1, removed: 0, changed: 500, programs: 1, writable: 1 },
  list: [
    { path: hostile, change: 'added', before: null, after: { size: 2048, mode: 0o755 } },
    {
      ...{ path: 'pool', change: 'changed' },
      before: { size: 1, mode: 0o644 },
      after: { size: 1, mode: 0o666 },
    },
  ],
  sbom,
};

const viewWith = (changed: Partial<ArtifactDelta>) =>
  viewOf({ delta: { ...promotion.delta, artifact: { ...artifact, ...changed } } });

function pageOf(changed: Partial<ArtifactDelta>): string {
  const view = viewWith(changed);
  const html = renderPage(
    PromotionPage({ frame, view, checks: checksOf(view), hasPasskey: true, now, seen: 'x' }),
  );
  assert.doesNotMatch(html, /<img|style=|\u202e|javascript:/i);
  return html;
}

const flagsWith = (changed: Partial<ArtifactDelta>): string[] =>
  flagsOf(viewWith(changed))
    .filter(({ tone }) => tone === 'wait')
    .map(({ text }) => text);

test('files and components are told with what they were, and their names cannot shape the page', () => {
  const html = pageOf({});
  for (const said of [
    '+1 −1 ~1, 1 licence changed (3 components)',
    '644 → 666',
    'anybody may write',
    'and 499 more.',
  ]) {
    assert.ok(html.includes(said), said);
  }
  assert.match(html, /other<\/span><\/span> MIT → AGPL-3\.0/);
});

test('what an approver should look at first stands on top', () => {
  const flags = flagsWith({});
  for (const said of [
    '1 program new or changed',
    '1 file that anybody may write to',
    '1 new component',
    '1 component under another licence',
  ]) {
    assert.ok(flags.includes(said), said);
  }
  assert.deepEqual(
    flagsWith({
      ...{ programs: 0, writable: 0 },
      sbom: { ...sbom, added: 0, relicensed: 0, list: [] },
    }),
    [],
  );
});

test('an SBOM that is gone or cannot be read is said in words and on top', () => {
  const none = { added: 0, removed: 0, changed: 0, relicensed: 0, list: [] };
  const gone = { sbom: { ...sbom, ...none, after: null } };
  assert.match(pageOf(gone), /holds no SBOM; what is live has one with 3 components/);
  assert.ok(flagsWith(gone).includes('no SBOM any more'));
  const unread = [{ side: 'after' as const, file: hostile, why: 'no JSON in UTF-8' }];
  const broken = { sbom: { ...sbom, ...none, after: null, unread } };
  assert.match(pageOf(broken), /of this release is no JSON in UTF-8/);
  assert.ok(flagsWith(broken).includes('1 SBOM unread'));
  assert.ok(!flagsWith(broken).includes('no SBOM any more'));
});

test('artifacts that could not be compared are said in words and on top', () => {
  const unread = { ...artifact, unread: 'it unpacks to more than 5 bytes', list: [] };
  assert.match(pageOf(unread), /not compared.*it unpacks to more than 5 bytes/s);
  assert.ok(flagsWith(unread).includes('artifact not compared'));
});

test('a change of size by a quarter wants a look, and a smaller one is told', () => {
  const sized = (artifactSize: number) =>
    flagsOf({
      ...viewWith({}),
      previous: { ...promotion, artifactSize },
    }).find(({ text }) => text.startsWith('artifact '));
  assert.equal(sized(promotion.artifactSize / 1.25)?.tone, 'wait');
  assert.equal(sized(promotion.artifactSize / 1.2)?.tone, undefined);
  assert.match(sized(promotion.artifactSize * 2)?.text ?? '', /−50\.0 %/);
});

test('another base image and another command stand on top, and both are told', () => {
  const image = {
    ...{ baseBefore: 'debian:13@sha256:1', baseAfter: hostile },
    ...{ runsBefore: '1000: /app', runsAfter: 'root: /app' },
    ...{ layersBefore: 3, layersAfter: 4, layersKept: 0 },
  };
  const html = pageOf({ image });
  for (const said of ['debian:13@sha256:1', 'root: /app', '4, 0 of them as before']) {
    assert.ok(html.includes(said), said);
  }
  const flags = flagsWith({ image });
  assert.ok(flags.includes('base image changed') && flags.includes('image runs something else'));
  const same = { ...image, baseAfter: image.baseBefore, runsAfter: image.runsBefore };
  const rest = flagsWith({ image: same });
  assert.ok(!rest.includes('base image changed') && !rest.includes('image runs something else'));
});

test('who and what was never delivered there is a flag, and its sentence cannot shape the page', () => {
  const firsts = {
    authors: [{ email: 'dana@example.com', name: hostile }],
    images: ['a'.repeat(64)],
  };
  const view = { ...viewWith({}), firsts };
  const waits = flagsOf(view).flatMap(({ text, tone }) => (tone === 'wait' ? [text] : []));
  assert.ok(waits.includes('1 new author') && waits.includes('first build on this image'));
  assert.ok(!flagsWith({}).some((text) => /new author|first build/.test(text)));
  const html = renderPage(
    PromotionPage({ frame, view, checks: checksOf(view), hasPasskey: true, now, seen: 'x' }),
  );
  assert.doesNotMatch(html, /<img|\u202e/);
  assert.match(html, /Nothing that was delivered to prod-eu before is by &lt;img/);
});

test('an image that was not read is said with its reason and on top, beside what is known of the other', () => {
  const image = {
    ...{ baseBefore: 'debian:13', baseAfter: null, runsBefore: '1000: /app', runsAfter: null },
    ...{ layersBefore: 3, layersAfter: 0, layersKept: 0 },
  };
  const unread = [{ side: 'after' as const, file: hostile, why: 'is missing' }];
  const html = pageOf({ image: { ...image, unread } });
  assert.match(html, /of this release is missing: the image is not compared/);
  assert.ok(html.includes('debian:13') && !html.includes('as before'));
  const flags = flagsWith({ image: { ...image, unread } });
  assert.ok(flags.includes('container image unread'));
  assert.ok(!flags.includes('base image changed') && !flags.includes('image runs something else'));
  const both = [{ ...unread[0], side: 'before' as const, file: 'index.json', why: 'is missing' }];
  const none = pageOf({ image: { ...image, unread: [...both, ...unread] } });
  assert.match(none, /of what is live is missing.*of this release is missing/s);
  assert.ok(!none.includes('Built on'));
});
