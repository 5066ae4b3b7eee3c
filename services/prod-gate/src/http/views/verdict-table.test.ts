import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { renderPage } from '@airlock/web/page';
import { checkIds, checksOf } from '../../app/checks.ts';
import type { PromotionDetails } from '../../app/view-promotion.ts';
import { promotionStates } from '../../domain/promotion.ts';
import { sentenceOf, sorted, type VerdictKind } from '../../domain/sentences.ts';
import type { DenialReason } from '../../domain/verdict.ts';
import { CheckPage } from './check-page.tsx';
import { PromotionPage } from './promotion-page.tsx';
import { everyReason, frame, now, otherForms, viewOf } from './promotion-view.fixture.ts';
import { headlineOf } from './words.ts';

const reasons: readonly DenialReason[] = [...Object.values(everyReason), ...otherForms];
const kinds: readonly VerdictKind[] = ['system', 'fix', 'time', 'person'];

/** Who, when or how: somebody is named, it goes on by itself, or it is asked for, built or talked over. */
const moves =
  /platform|by itself|within seconds|ask for|ask for it|build the release|talk to|can give|on its way/;

const textOf = (html: string): string =>
  html
    .replace(/<(script|style)[^]*?<\/\1>/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&#39;|&#x27;/g, "'");

const promotionPage = (view: PromotionDetails): string =>
  renderPage(
    PromotionPage({ frame, view, checks: checksOf(view), hasPasskey: true, now, seen: 'x' }),
  );

describe('every state of a promotion with every reason against it', () => {
  for (const state of promotionStates) {
    test(`${state}: one sentence on top, one kind, and nobody is told that it is blocked`, () => {
      for (const reason of reasons) {
        const label = `${state} × ${reason.code}`;
        const view = viewOf({ state, stateReason: 'the hook ended with 1.' }, [reason]);
        const headline = headlineOf(view);
        assert.match(headline.text, /^[A-Z0-9][^]*\.$/, label);
        assert.doesNotMatch(headline.text, /undefined|null|\[object|\.[;.]/, label);
        if (state === 'waiting') {
          assert.ok((kinds as readonly string[]).includes(headline.kind), label);
          assert.match(headline.text, moves, label);
        }
        if (['fix', 'system', 'progress'].includes(headline.kind)) {
          assert.match(headline.text, moves, label);
        }
        const html = promotionPage(view);
        assert.equal(html.match(/class="banner tone-[a-z]+" role="status"/g)?.length, 1, label);
        assert.doesNotMatch(textOf(html), /\bblock(s|ed|ing)?\b/i, label);
      }
    });
  }
});

test('of two reasons the more urgent is on top, whichever was found first', () => {
  for (const first of reasons) {
    for (const second of reasons) {
      const verdict = { allowed: false, reasons: [first, second] } as const;
      const [top, next] = sorted(verdict).map(({ kind }) => kinds.indexOf(kind));
      assert.ok(top !== undefined && next !== undefined && top <= next);
      const { kind } = headlineOf(viewOf({}, [first, second]));
      assert.equal(kinds.indexOf(kind as VerdictKind), top, `${first.code} + ${second.code}`);
    }
  }
});

describe('the page of a check', () => {
  const pageOf = (view: PromotionDetails, id: string): string => {
    const check = checksOf(view).find((each) => each.id === id);
    assert.ok(check);
    return renderPage(CheckPage({ frame, view, check }));
  };

  test('says of every reason its code, its kind and its sentence, in one check of all', () => {
    for (const reason of reasons) {
      const view = viewOf({}, [reason]);
      const against = checksOf(view).filter((check) => check.reasons.length > 0);
      assert.equal(against.length, 1, reason.code);
      const { id } = against[0] ?? {};
      const html = pageOf(view, id ?? '');
      const { kind } = sentenceOf(reason);
      const code = reason.code === 'E_BUNDLE_REFUSED' ? reason.admissionCode : reason.code;
      assert.ok(html.includes(`<code>${code}</code>`), reason.code);
      const title = {
        ...{ person: 'Waiting for a person.', time: 'Waiting for time.' },
        ...{ fix: 'Needs a fix.', system: 'The system is at fault.' },
      }[kind];
      assert.ok(html.includes(`<strong>${title}</strong>`), reason.code);
    }
  });

  test('is there for every check in every state, and is text whoever wrote the facts', () => {
    for (const state of promotionStates) {
      for (const id of checkIds) {
        const html = pageOf(viewOf({ state, stateReason: 'because' }), id);
        assert.doesNotMatch(html, /<img|style=|\u202e|javascript:/, `${state} ${id}`);
        assert.doesNotMatch(textOf(html), /\bblock(s|ed|ing)?\b/i, `${state} ${id}`);
      }
    }
  });
});
