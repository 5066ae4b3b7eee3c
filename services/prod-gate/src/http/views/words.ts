/** Words, numbers and colours as the gate's pages show them. */
import type { VerdictKind } from '@airlock/web/views/verdict-banner';
import type { Tone } from '@airlock/web/views/badge';
import type { Delivery, DeliveryState } from '../../app/delivery-ports.ts';
import type { SessionCredential, VaultSession } from '../../app/vault-session-ports.ts';
import type { PromotionView } from '../../app/view-promotion.ts';
import { promotionInWords, type Promotion, type PromotionState } from '../../domain/promotion.ts';
import { headline, stateSentence } from '../../domain/sentences.ts';

/** Format characters steer how the rest is read (U+202E and its like); control characters move a cursor. */
const unreadable = /(?!\t)[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** Text that somebody else wrote, with what would change how it is read made visible. Never markup. */
export function plain(text: string): string {
  return text.replace(
    unreadable,
    (found) => `⟨U+${(found.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`,
  );
}

export function seconds(from: Date | null, to: Date | null): string | null {
  if (from === null || to === null) return null;
  const span = Math.max(0, (to.getTime() - from.getTime()) / 1000);
  if (span < 10) return `${span.toFixed(1)} s`;
  if (span < 120) return `${Math.round(span)} s`;
  return `${Math.floor(span / 60)} min ${Math.round(span % 60)} s`;
}

export function fileSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(1)} KiB`;
  if (bytes < 1024 ** 3) return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
  return `${(bytes / 1024 ** 3).toFixed(2)} GiB`;
}

export const count = (amount: number, unit: string): string =>
  `${amount} ${unit}${amount === 1 ? '' : 's'}`;

/** `23:59:02.114Z`: a moment of a delivery, where the day is not the question. */
export const clock = (at: Date): string => at.toISOString().slice(11);

export function listed(names: readonly string[], or = 'or'): string {
  if (names.length <= 1) return names.join('');
  return `${names.slice(0, -1).join(', ')} ${or} ${names.at(-1) ?? ''}`;
}

/** As pages name a promotion. */
export const titleOf = (
  promotion: Pick<Promotion, 'release' | 'target' | 'returns' | 'subjectName'>,
): string =>
  promotion.returns === null
    ? `${promotion.subjectName.replace(/\.tar\.gz$/, '')} ${promotionInWords(promotion)}`
    : promotionInWords(promotion);

const stateKind: Readonly<Record<Exclude<PromotionState, 'waiting'>, VerdictKind>> = {
  delivering: 'progress',
  live: 'none',
  failed: 'fix',
  indeterminate: 'system',
  expired: 'info',
  superseded: 'info',
  rejected: 'fix',
};

/** How the banner begins: which of the four kinds of moving it takes. */
export const kindTitle: Readonly<Record<'person' | 'time' | 'fix' | 'system', string>> = {
  person: 'Waiting for a person.',
  time: 'Waiting for time.',
  fix: 'Needs a fix.',
  system: 'The system is at fault.',
};

const stateTitle: Readonly<Record<Exclude<PromotionState, 'waiting'>, string>> = {
  delivering: 'Delivering.',
  live: 'Delivered.',
  failed: 'Failed.',
  indeterminate: 'Nobody knows yet.',
  expired: 'Expired.',
  superseded: 'Superseded.',
  rejected: 'Rejected.',
};

export interface Headline {
  readonly kind: VerdictKind;
  readonly title: string;
  readonly text: string;
}

/** The one sentence on top of a promotion. */
export function headlineOf({
  promotion,
  verdict,
}: Pick<PromotionView, 'promotion' | 'verdict'>): Headline {
  const { state } = promotion;
  if (state !== 'waiting') {
    const text = plain(stateSentence(promotion, null));
    return { kind: stateKind[state], title: stateTitle[state], text };
  }
  if (verdict.allowed) {
    return {
      kind: 'progress',
      title: 'All checks pass.',
      text: 'The delivery starts by itself within seconds.',
    };
  }
  const { kind, text } = headline(verdict);
  return { kind, title: kindTitle[kind], text: plain(text) };
}

const kindTone: Readonly<Record<VerdictKind, Tone>> = {
  person: 'wait',
  time: 'wait',
  fix: 'bad',
  system: 'bad',
  none: 'good',
  progress: 'busy',
  info: 'plain',
};

export const toneOf = (kind: VerdictKind): Tone => kindTone[kind];

export const promotionTone = (state: PromotionState): Tone =>
  state === 'waiting' ? 'wait' : toneOf(stateKind[state]);

export const deliveryTone: Readonly<Record<DeliveryState, Tone>> = {
  running: 'busy',
  succeeded: 'good',
  failed: 'bad',
  indeterminate: 'bad',
};

export function deliveryHeadline(delivery: Delivery, release: string): Headline {
  const reason = delivery.outcomeReason === null ? '' : `${plain(delivery.outcomeReason)}.`;
  const { target, verification } = delivery;
  const isLookedAt = verification === 'due' && delivery.hookFinishedAt !== null;
  switch (delivery.state) {
    case 'running':
      return {
        kind: 'progress',
        title: `Running: ${delivery.step === 'hook' && isLookedAt ? 'looking whether the release is well' : (stepWords[delivery.step] ?? delivery.step)}.`,
        text: 'The page follows by itself.',
      };
    case 'succeeded':
      return { kind: 'none', title: `${release} is live on ${target}.`, text: reason };
    case 'failed':
      return {
        kind: 'fix',
        title:
          verification === 'returned'
            ? 'The release was not well, and the one before it is back.'
            : 'The delivery failed.',
        text: `${reason} Ask for the release again in non-prod when the cause is mended.`,
      };
    case 'indeterminate':
      return {
        kind: 'system',
        title:
          verification === 'failed' || (isLookedAt && delivery.hookExit === 0)
            ? 'The release was not seen to be well.'
            : 'Nobody knows whether it reached production.',
        text: `${reason} Somebody of platform looks at the target before anything else is delivered there.`,
      };
  }
}

const stepWords: Readonly<Record<string, string>> = {
  intent: 'announcing it in the ledger',
  session: 'asking Vault for a login',
  credential: 'reading the credential',
  hook: 'the hook',
  revoke: 'destroying the credential',
};

/** Where a credential is in its short life, and how that ends or ended. */
export function leaseState(
  session: VaultSession,
  credential: SessionCredential,
  now: Date,
): { tone: Tone; text: string } {
  const { issuedAt, diesAt, goneAt, ending, path, trial } = credential;
  if (issuedAt !== null && ending === 'ttl-only') {
    if (diesAt === null) return { tone: 'bad', text: 'never ends; no hook got it' };
    const end = `${diesAt.toISOString().slice(0, 19)}Z`;
    return diesAt > now
      ? { tone: 'wait', text: `ends by itself at ${end}; revocation cannot end it` }
      : { tone: 'good', text: `ended by itself at ${end}` };
  }
  if (issuedAt !== null && ending === 'by-hand') {
    // As people name it: `data/` is how its API is asked.
    const secret = path.replace('/data/', '/');
    return { tone: 'wait', text: `does not end by itself: replace ${secret} at Vault by hand` };
  }
  const lived = seconds(issuedAt, goneAt);
  switch (session.state) {
    case 'INTENT':
      return { tone: 'busy', text: 'asked for, not read yet' };
    case 'TOKEN':
      return { tone: 'busy', text: 'logged in, credential not read yet' };
    case 'LEASED':
      return { tone: 'busy', text: 'live, used by the hook' };
    case 'REVOKING':
      return { tone: 'busy', text: 'being revoked' };
    case 'REVOKE_PENDING':
      return {
        tone: 'bad',
        text: `${trial === 'works' ? 'still works at the target' : `revocation failed ${count(session.attempts, 'time')}, trying again`}; Vault ends it at the latest ${(diesAt ?? session.deadline).toISOString().slice(0, 19)}Z`,
      };
    case 'CLEAN':
      return lived === null
        ? { tone: 'good', text: 'never read; nothing is left' }
        : {
            tone: 'good',
            text: `revoked, lived ${lived}${trial === 'refused' ? '; the target refuses it' : ''}`,
          };
  }
}
