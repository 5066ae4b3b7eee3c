import { digestWords } from '@airlock/common/promotion/digest-words';
import { Button } from '@airlock/web/views/button';
import { Card } from '@airlock/web/views/card';
import { CodeBlock } from '@airlock/web/views/code-block';
import { PostForm, TextField } from '@airlock/web/views/form';
import { PasskeyForm } from '@airlock/web/views/passkey-form';
import type { PromotionPageProps } from './promotion-page-props.ts';
import { count, listed, plain } from './words.ts';

/** What the viewer may decide here, or in one sentence why somebody else does. */
export function DecisionBox(props: PromotionPageProps) {
  const { view } = props;
  if (view.promotion.state !== 'waiting') return null;
  const sentence = whyNot(props);
  return (
    <Card title="Your decision" emphasis={sentence === null}>
      <div data-keys="a" data-keys-do="first" data-keys-label="Your decision (nothing is sent)">
        {sentence === null ? <Approve {...props} /> : <p>{sentence}</p>}
        {sentence === null ? <ApproveInTerminal {...props} /> : null}
        {view.viewer.decided === 'approve' ? <Withdraw {...props} /> : null}
        {view.viewer.mayReject && view.viewer.decided === null ? <Reject {...props} /> : null}
      </div>
    </Card>
  );
}

/** Null when an approval of the viewer would count now. */
function whyNot({ view, hasPasskey }: PromotionPageProps) {
  const { viewer, facts, policy, promotion } = view;
  const others = listed(facts.approvals.eligible) || 'nobody in the roster yet';
  if (policy === null) {
    return `The gate has no file for ${promotion.target}, so nobody decides about it; somebody of platform puts it back.`;
  }
  if (viewer.decided !== null) {
    return `You ${viewer.decided === 'approve' ? 'approved' : 'rejected'} this. ${facts.approvals.have >= view.need ? '' : `Still missing: ${others}.`}`;
  }
  if (viewer.standing === null) return `You are not in the gate’s roster. Who decides: ${others}.`;
  if (!viewer.standing.may) {
    switch (viewer.standing.why) {
      case 'requester':
        return `You asked for this; somebody else decides: ${others}.`;
      case 'editor':
        return `You signed the gate’s configuration since the last delivery; somebody else decides: ${others}.`;
      case 'author': {
        const [commit] = viewer.commits;
        return `You wrote ${commit === undefined ? 'a change in it' : commit.slice(0, 8)}; somebody else decides: ${others}.`;
      }
      case 'role-missing':
        return `Deciding about ${promotion.target} takes the role ${viewer.standing.roles.map(roleInWords).join(' or ')}. Who decides: ${others}.`;
    }
  }
  if (!hasPasskey) {
    return (
      <>
        You have no passkey here: you can look but not decide.{' '}
        <a href="/me">Add one on your page</a>, then come back.
      </>
    );
  }
  return null;
}

function Approve({ frame, view }: PromotionPageProps) {
  const { promotion, facts } = view;
  const url = `/promotions/${promotion.id}`;
  return (
    <PasskeyForm
      purpose="approve"
      optionsUrl={`/api/v1${url}/decisions/options?shown=${promotion.promotionDigest}`}
      finishUrl={`/api/v1${url}/decisions`}
      doneUrl={url}
      csrfToken={frame.csrfToken}
      promotionDigest={promotion.promotionDigest}
    >
      <p class="muted">You will sign this with your passkey, over exactly this digest:</p>
      <CodeBlock label="What you sign" slot="statement" wrap>
        {[
          promotion.returns === null ? 'approve' : 'rollback: return to an earlier release',
          ...(facts.waiver === null
            ? []
            : [
                `  ${facts.waiver.kind.toUpperCase()} by ${plain(facts.waiver.person)}: ${plain(facts.waiver.justification)}`,
              ]),
          `  release  ${plain(promotion.release)}`,
          `  target   ${promotion.target}`,
          `  digest   ${promotion.promotionDigest}`,
          `  commit   ${promotion.commit.slice(0, 12)}`,
          `  artifact ${promotion.artifactDigest.slice(0, 12)}…`,
          `  policy   ${promotion.policyDigest.slice(0, 12)}…`,
          `  until    ${promotion.expiresAt.toISOString().slice(0, 19)}Z`,
        ].join('\n')}
      </CodeBlock>
      <DigestWords digest={promotion.promotionDigest} />
      <TextField label="Note (shown to the others)" name="note" multiline maxLength={500} />
      <Button kind="primary" icon="passkey-fill" block>
        Approve with passkey
      </Button>
      <p class="small muted">
        It takes{' '}
        {facts.approvals.rules
          .map((rule) => `${count(rule.count, 'approval')} with the role ${roleInWords(rule.role)}`)
          .join(' and ')}
        , all by different people; whoever asked, wrote or committed never counts.
      </p>
    </PasskeyForm>
  );
}

/** A passkey shows nobody what it signs: another machine that says other words has caught a page that lies. */
export function DigestWords({ digest }: { readonly digest: string }) {
  return (
    <p class="small">
      <span class="muted">This digest in words, as </span>
      <code>airlock release show</code>
      <span class="muted"> says them on any other machine: </span>
      <b>{digestWords(digest)}</b>
    </p>
  );
}

/** For a security key of OpenSSH: no browser signs, so that no page can have another thing signed than it shows. */
function ApproveInTerminal({ frame, view: { promotion } }: PromotionPageProps) {
  return (
    <details>
      <summary>Approve with a security key in a terminal…</summary>
      <PostForm action={`/promotions/${promotion.id}/ssh`} csrfToken={frame.csrfToken}>
        <Button icon="terminal" block>
          Show what to sign
        </Button>
      </PostForm>
    </details>
  );
}

/** As cheap as saying no; it holds until the delivery begins. */
function Withdraw({ frame, view: { promotion } }: PromotionPageProps) {
  return (
    <details>
      <summary>Withdraw your approval…</summary>
      <PostForm action={`/promotions/${promotion.id}/withdraw`} csrfToken={frame.csrfToken}>
        <TextField
          label="Why (shown to the others)"
          name="reason"
          hint="Your approval no longer counts. Until the delivery begins you can approve again."
          multiline
          maxLength={500}
        />
        <Button kind="danger" icon="x" block>
          Withdraw my approval
        </Button>
      </PostForm>
    </details>
  );
}

const roleInWords = (role: string): string => role.replaceAll('-', ' ');

/** Saying no is cheap: a reason and no passkey. */
function Reject({ frame, view: { promotion } }: PromotionPageProps) {
  return (
    <details>
      <summary>Reject…</summary>
      <PostForm action={`/promotions/${promotion.id}/reject`} csrfToken={frame.csrfToken}>
        <input type="hidden" name="version" value={String(promotion.version)} />
        <TextField
          label="Why"
          name="reason"
          hint="Whoever asked reads it. The promotion ends; the release can be asked for again."
          multiline
          required
          maxLength={500}
        />
        <Button kind="danger" icon="x" block>
          Reject
        </Button>
      </PostForm>
    </details>
  );
}
