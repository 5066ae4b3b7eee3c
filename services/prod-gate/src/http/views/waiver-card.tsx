import { Button } from '@airlock/web/views/button';
import { Card } from '@airlock/web/views/card';
import { PostForm, TextField } from '@airlock/web/views/form';
import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import {
  leastJustification,
  longestJustification,
  type WaiverKind,
} from '@airlock/common/promotion/waiver';
import { askersOf, openedWaiver } from '../../domain/waiver.ts';
import type { PromotionPageProps } from './promotion-page-props.ts';
import { count, listed, plain } from './words.ts';

const words = {
  'break-glass': {
    title: 'Break-glass',
    name: 'break-glass',
    passes:
      'It passes with the approvals of breakGlass and outside the windows, and by every other check.',
    takenBack: 'it waits for its ordinary approvals and windows again',
    summary: 'It cannot wait…',
    ask: 'Ask for break-glass',
    back: 'Take break-glass back',
  },
  override: {
    title: 'Outside the windows',
    name: 'an override of the windows',
    passes:
      'It passes outside the windows, with the approvals of windows.override beside those of the rules, and by every other check.',
    takenBack: 'it waits for its windows again',
    summary: 'It cannot wait for the window…',
    ask: 'Ask for an override',
    back: 'Take the override back',
  },
} as const satisfies Readonly<Record<WaiverKind, unknown>>;

/** Above everything else: who asked that this pass with other approvals or outside the windows, and why. */
export function WaiverBanner({ view: { facts, promotion } }: Pick<PromotionPageProps, 'view'>) {
  const { waiver } = facts;
  if (waiver === null) return null;
  return (
    <VerdictBanner
      kind={promotion.state === 'waiting' ? 'person' : 'info'}
      icon="alert"
      title={`${plain(waiver.person)} asked for ${words[waiver.kind].name}:`}
      text={`“${plain(waiver.justification)}”${
        promotion.state === 'waiting' ? ` ${words[waiver.kind].passes}` : ''
      }`}
    />
  );
}

/** Asking for break-glass or an override, or taking it back; nothing where the target file opens no such way. */
export function WaiverCards(props: PromotionPageProps) {
  const { facts } = props.view;
  if (facts.waiver !== null) return <WaiverCard {...props} kind={facts.waiver.kind} />;
  return (
    <>
      {facts.windowClosed === null ? null : <WaiverCard {...props} kind="override" />}
      <WaiverCard {...props} kind="break-glass" />
    </>
  );
}

function WaiverCard({ frame, view, kind }: PromotionPageProps & { readonly kind: WaiverKind }) {
  const { promotion, policy, facts } = view;
  const opened = policy === null ? null : openedWaiver(policy, kind);
  if (policy === null || opened === null || promotion.state !== 'waiting') return null;
  const roles = askersOf(policy, kind);
  if (frame.viewer?.roles.some((role) => roles.includes(role)) !== true) return null;
  const url = `/promotions/${promotion.id}/${kind}`;
  const said = words[kind];
  if (facts.waiver !== null) {
    return (
      <Card title={said.title} icon="alert">
        <p class="small">
          Taken back, {said.takenBack}, and what was approved with it no longer counts.
        </p>
        <PostForm action={`${url}/withdraw`} csrfToken={frame.csrfToken}>
          <Button icon="x" block>
            {said.back}
          </Button>
        </PostForm>
      </Card>
    );
  }
  const { review, rules } = opened;
  const asked = rules.map((rule) => `${count(rule.count, 'approval')} as ${inWords(rule.role)}`);
  return (
    <Card title={said.title} icon="alert">
      <details>
        <summary>{said.summary}</summary>
        <PostForm action={url} csrfToken={frame.csrfToken}>
          <p class="small">
            {kind === 'break-glass'
              ? `Then it takes ${listed(asked)}, also outside the windows.`
              : `Then it takes ${listed(asked)} more, of people who fill no seat of the rules.`}{' '}
            Nothing else is let through: no failing check, no stop. Approvals that are there no
            longer count. Everybody is told, and {review.count} others look at it within{' '}
            {Math.ceil(review.within / 3600)} h, or {promotion.target} is frozen.
          </p>
          <TextField
            label="Why it cannot wait"
            name="justification"
            hint={`At least ${leastJustification} characters. It is part of what is signed, and everybody reads it.`}
            multiline
            required
            minLength={leastJustification}
            maxLength={longestJustification}
          />
          <Button kind="danger" icon="alert" block>
            {said.ask}
          </Button>
        </PostForm>
      </details>
    </Card>
  );
}

const inWords = (role: string): string => role.replaceAll('-', ' ');
