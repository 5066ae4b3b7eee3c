import { Button } from '@airlock/web/views/button';
import { Card } from '@airlock/web/views/card';
import { PostForm, TextField } from '@airlock/web/views/form';
import { Time } from '@airlock/web/views/time';
import { longestRemark } from '../../domain/remark.ts';
import type { PromotionPageProps } from './promotion-page-props.ts';
import { plain } from './words.ts';

/** What people asked and answered, and the form to do so; nothing where it has ended and nobody did. */
export function RemarkCard({ frame, view, now }: PromotionPageProps) {
  const { promotion, remarks } = view;
  const isOpen = promotion.state === 'waiting' || promotion.state === 'delivering';
  if (!isOpen && remarks.length === 0) return null;
  return (
    <Card title="Questions and answers">
      {remarks.map(({ id, name, text, at }) => (
        <div key={id}>
          <p class="small muted">
            <b>{plain(name)}</b>, <Time at={at} now={now} />
          </p>
          {text.split(/\n+/).map((line, index) => (
            <p key={index}>{plain(line)}</p>
          ))}
        </div>
      ))}
      {isOpen ? (
        <PostForm action={`/promotions/${promotion.id}/remarks`} csrfToken={frame.csrfToken}>
          <TextField
            label="Question or answer"
            name="text"
            hint="Decides nothing. Whoever asked for this, whoever approved it and deciders who wrote here are told."
            multiline
            required
            maxLength={longestRemark}
          />
          <Button block>Ask</Button>
        </PostForm>
      ) : null}
    </Card>
  );
}
