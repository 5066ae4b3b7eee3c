import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderPage } from '@airlock/web/page';
import { formatId } from '@airlock/common/ids';
import type { Observation } from '../../domain/observation.ts';
import { runsInWords, sightingOf, type Sighting } from '../../domain/sighting.ts';
import { queueJson } from '../json.ts';
import { entrySentence } from './ledger-page.tsx';
import { bytes, frame, hook, hostile, now, promotion, viewOf } from './promotion-view.fixture.ts';
import { PromotionPage } from './promotion-page.tsx';
import { QueuePage } from './queue-page.tsx';

const minutes = (ago: number): Date => new Date(now.getTime() - ago * 60_000);
const digest = 'a'.repeat(64);
const other = `sha256:${'b'.repeat(64)}`;
const short = `sha256:${'b'.repeat(12)}…`;
const deliveryId = formatId('dlv', bytes);

function observed(given: Partial<Observation>): Observation {
  return {
    ...{ target: 'prod-eu', deliveryId, artifactDigest: digest, sight: 'same' },
    ...{ running: [`sha256:${digest}`], reason: null, since: minutes(60), lookedAt: minutes(3) },
    ...{ nextAt: minutes(-12), seenAt: minutes(3), unknownInARow: 0, standing: null },
    ...{ byHost: false, period: null, ...given },
  };
}

function sighting(observation: Observation | null, every = 900): Sighting {
  return sightingOf({ deliveryId, observe: { hook, every, params: {} }, observation, now });
}

const drifted = sighting(observed({ sight: 'other', running: [other] }));
const blind = sighting(
  observed({
    sight: 'unknown',
    running: [],
    reason: hostile,
    unknownInARow: 3,
    seenAt: minutes(90),
  }),
);

const queueOf = (one: Sighting) => ({
  ...{ needsYou: [], inProgress: [], waitingForOthers: [], empty: [] },
  ...{ ended: [], refused: [], freezes: [], held: [] },
  live: [
    {
      ...{ target: 'prod-eu', promotionId: promotion.id, deliveryId, release: '2026.11.20-4' },
      ...{ artifactDigest: digest, commit: 'c'.repeat(40), mainPosition: 9, since: minutes(600) },
      sighting: one,
    },
  ],
});

const queuePage = (one: Sighting): string =>
  renderPage(
    QueuePage({
      frame,
      queue: queueOf(one),
      filter: { target: '', words: '' },
      stops: [],
      nonprodOrigin: null,
      now,
      seen: '',
    }),
  );

test('what runs is said of the live delivery alone, and nobody looks without observe', () => {
  assert.equal(sighting(null).kind, 'pending');
  assert.equal(sighting(observed({ deliveryId: 'dlv_0000000009' })).kind, 'pending');
  assert.equal(
    sightingOf({ deliveryId, observe: undefined, observation: observed({}), now }).kind,
    'unwatched',
  );
  const words = (running: readonly string[]): string =>
    runsInWords(sighting(observed({ sight: 'other', running })));
  assert.equal(words([other]), `something else: ${short}`);
  assert.equal(words([`sha256:${digest}`, other]), `this release and something else: ${short}`);
  assert.equal(words([]), 'nothing');
});

test('the queue says with its age that the live release runs, that something else does, and that nobody can see it', () => {
  const same = queuePage(sighting(observed({})));
  assert.match(same, /this release/);
  assert.match(same, /seen <time[^>]*>[^<]*\(3 minutes ago\)/);
  assert.doesNotMatch(same, /Something else runs/);
  assert.match(queuePage(drifted), /Something else runs on prod-eu\./);
  const page = queuePage(blind);
  assert.match(page, /Nobody can see what runs on prod-eu\./);
  assert.match(page, /seen last <time[^>]*>[^<]*\(1 hour ago\)/);
  assert.ok(!page.includes('<img src=x'), 'a reason is text');
});

test('a host that cannot look is a banner at its first look', () => {
  const faulty = sighting(
    observed({ sight: 'unknown', running: [], reason: 'no space', unknownInARow: 1, byHost: true }),
  );
  assert.match(queuePage(faulty), /Nobody can see what runs on prod-eu\./);
});

test('a look that failed once is no banner, and one that is long overdue says so', () => {
  const once = sighting(observed({ sight: 'unknown', running: [], reason: 'x', unknownInARow: 1 }));
  assert.doesNotMatch(queuePage(once), /Nobody can see what runs/);
  assert.doesNotMatch(queuePage(sighting(observed({}))), /nobody has looked since/);
  assert.match(queuePage(sighting(observed({}), 10)), /nobody has looked since/);
});

test('the page of a release says that its changes are counted from what does not run', () => {
  const page = (one: Sighting | null): string =>
    renderPage(
      PromotionPage({
        ...{ frame, view: { ...viewOf(), sighting: one }, checks: [], hasPasskey: true, now },
        seen: '',
      }),
    );
  assert.match(page(drifted), /which is not\s+what runs on prod-eu: something else: sha256:b{12}…/);
  assert.doesNotMatch(page(sighting(observed({}))), /which is not\s+what runs/);
  assert.doesNotMatch(page(null), /which is not\s+what runs/);
});

test('machines read the same', () => {
  const [live] = queueJson(queueOf(drifted), now).live;
  assert.deepEqual(live?.runs, {
    kind: 'other',
    text: `something else: ${short}, seen Nov 22, 09:57 UTC (3 minutes ago)`,
    ...{ running: [other], reason: null, lookedAt: minutes(3).toISOString() },
    ...{ seenAt: minutes(3).toISOString(), since: minutes(60).toISOString() },
  });
});

test('the ledger’s page says how often it changed, whose fault it is that nobody looks, and drift that nobody sees by now', () => {
  const says = (
    type: `target.${'drifted' | 'unobserved' | 'settled'}`,
    refs: Record<string, string>,
  ) =>
    entrySentence({
      ...{ v: 1, type, at: '', actor: 'deliverer', subjectDigest: '' },
      refs: { target: 'prod-eu', release: '1.4', ...refs },
    });
  assert.match(
    says('target.drifted', { running: 'unknown', changes: '40' }),
    / saw that something else runs on prod-eu, where 1\.4 is live, after 40 changes$/,
  );
  assert.match(says('target.unobserved', { cause: 'host' }), /its own host does not run the hook$/);
  assert.match(
    says('target.unobserved', { cause: 'hook' }),
    /several times in a row what runs on prod-eu$/,
  );
  assert.match(
    says('target.settled', { was: 'drifted', changes: '2' }),
    / again, after 2 changes$/,
  );
});
