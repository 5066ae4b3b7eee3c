import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderPage } from '@airlock/web/page';
import { hostile, frame, now, promotion, viewOf } from './promotion-view.fixture.ts';
import { TargetPage, type TargetView } from './target-page.tsx';
import { checksOf } from '../../app/checks.ts';
import { good } from '../../domain/verdict.fixture.ts';
import { PromotionPage } from './promotion-page.tsx';

const noted: TargetView['shadows'][number] = {
  promotionId: promotion.id,
  release: hostile,
  target: 'prod-eu',
  policyDigest: 'a'.repeat(64),
  outcome: 'would-hold',
  reasons: [hostile],
  firstAt: now,
  lastAt: now,
};

function targetPage(shadows: TargetView['shadows']): string {
  const target: TargetView = {
    ...{
      name: 'prod-eu',
      policy: null,
      roster: { version: 1, people: [], commitKeys: [], acceptedMains: [] },
    },
    ...{
      live: null,
      deliveries: [],
      session: null,
      freeze: null,
      stops: [],
      shadows,
      touched: [],
      sighting: null,
    },
  };
  return renderPage(TargetPage({ frame, target, now }));
}

test('a target lists what its rules on trial said, and is silent where it never had any', () => {
  const page = targetPage([noted, { ...noted, outcome: 'would-pass' }]);
  assert.match(page, /Rules on trial/);
  assert.match(page, /Would have been held/);
  assert.match(page, /Would have started/);
  assert.doesNotMatch(page, /<img|style=|\u202e|javascript:/i);
  assert.doesNotMatch(targetPage([]), /on trial/);
});

test('a promotion that waits says that rules on trial differ, and that they decide nothing', () => {
  const view = viewOf();
  const shadow = {
    ...{ windowClosed: { denied: 'year-end', opensAt: null }, unmappedEditors: [] },
    ...{ approvals: good.approvals, expiresAt: good.promotion.expiresAt },
    policyDigest: 'a'.repeat(64),
  };
  const pageOf = (facts: typeof view.facts): string => {
    const shown = { ...view, facts };
    const checks = checksOf(shown);
    return renderPage(
      PromotionPage({ frame, view: shown, checks, hasPasskey: true, now, seen: 'x' }),
    );
  };
  assert.match(pageOf({ ...good, shadow }), /which decide\s+nothing, it would be held:/);
  assert.doesNotMatch(pageOf(good), /on trial/);
});
