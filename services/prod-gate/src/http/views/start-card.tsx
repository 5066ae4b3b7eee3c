import { Button } from '@airlock/web/views/button';
import { Card } from '@airlock/web/views/card';
import { PostForm } from '@airlock/web/views/form';
import { awaitsStart } from '../../domain/awaits-start.ts';
import { lapsedStart } from '../../domain/start-words.ts';
import type { PromotionPageProps } from './promotion-page-props.ts';
import { listed, plain } from './words.ts';

/** Starting the delivery, once nothing else is missing and a person has to. */
export function StartCard({ frame, view }: PromotionPageProps) {
  const { promotion, facts, verdict, viewer } = view;
  if (facts.start === null || promotion.state !== 'waiting' || !awaitsStart(verdict)) return null;
  if (!viewer.mayStart) {
    return (
      <Card title="Start" icon="rocket">
        <p>Who starts it: {listed(facts.start.may.map(plain)) || 'nobody in the roster yet'}.</p>
      </Card>
    );
  }
  return (
    <Card title="Start" icon="rocket" emphasis>
      <PostForm action={`/promotions/${promotion.id}/deliver`} csrfToken={frame.csrfToken}>
        <input type="hidden" name="promotionDigest" value={promotion.promotionDigest} />
        <p class="small">
          {lapsedStart(facts.start.lapsed)}Everybody who must has approved it, and it starts only
          when somebody says so. Once it has begun, approvals can no longer be withdrawn.
        </p>
        <Button kind="primary" icon="rocket" block>
          Start delivery
        </Button>
      </PostForm>
    </Card>
  );
}
