import { Button } from '@airlock/web/views/button';
import { Card } from '@airlock/web/views/card';
import { PostForm, TextField } from '@airlock/web/views/form';
import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import { leastJustification, longestJustification } from '@airlock/common/promotion/break-glass';
import { rolesOf } from '../../domain/access.ts';
import type { PromotionPageProps } from './promotion-page-props.ts';
import { count, listed, plain } from './words.ts';

/** Above everything else: who asked that this pass with fewer approvals and outside the windows, and why. */
export function BreakGlassBanner({ view: { facts, promotion } }: Pick<PromotionPageProps, 'view'>) {
  const { breakGlass } = facts;
  if (breakGlass === null) return null;
  return (
    <VerdictBanner
      kind={promotion.state === 'waiting' ? 'person' : 'info'}
      icon="alert"
      title={`${plain(breakGlass.person)} asked for break-glass:`}
      text={`“${plain(breakGlass.justification)}”${
        promotion.state === 'waiting'
          ? ' It passes with the approvals of breakGlass and outside the windows, and by every other check.'
          : ''
      }`}
    />
  );
}

/** Asking for break-glass, or taking that back; nothing where the target file opens no such way. */
export function BreakGlassCard({ frame, view }: PromotionPageProps) {
  const { promotion, policy, facts } = view;
  const opened = policy?.breakGlass;
  if (opened === undefined || promotion.state !== 'waiting') return null;
  const roles = rolesOf(opened.approvals);
  if (frame.viewer?.roles.some((role) => roles.includes(role)) !== true) return null;
  const url = `/promotions/${promotion.id}/break-glass`;
  if (facts.breakGlass !== null) {
    return (
      <Card title="Break-glass" icon="alert">
        <p class="small">
          Taken back, it waits for its ordinary approvals and windows again, and what was approved
          as break-glass no longer counts.
        </p>
        <PostForm action={`${url}/withdraw`} csrfToken={frame.csrfToken}>
          <Button icon="x" block>
            Take break-glass back
          </Button>
        </PostForm>
      </Card>
    );
  }
  const { review, approvals } = opened;
  const asked = approvals.map((rule) => `${count(rule.count, 'approval')} as ${words(rule.role)}`);
  return (
    <Card title="Break-glass" icon="alert">
      <details>
        <summary>It cannot wait…</summary>
        <PostForm action={url} csrfToken={frame.csrfToken}>
          <p class="small">
            Then it takes {listed(asked)}, also outside the windows. Nothing else is let through: no
            failing check, no stop. Approvals that are there no longer count. Everybody is told, and{' '}
            {review.count} others look at it within {Math.ceil(review.within / 3600)} h, or{' '}
            {promotion.target} is frozen.
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
            Ask for break-glass
          </Button>
        </PostForm>
      </details>
    </Card>
  );
}

const words = (role: string): string => role.replaceAll('-', ' ');
