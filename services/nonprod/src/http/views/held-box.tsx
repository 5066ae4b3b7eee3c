import { Fragment } from 'preact';
import { Button } from '@airlock/web/views/button';
import { Card, SectionHeading } from '@airlock/web/views/card';
import { CodeBlock } from '@airlock/web/views/code-block';
import { PostForm } from '@airlock/web/views/form';
import type { Frame } from '@airlock/web/views/layout';
import { StepList } from '@airlock/web/views/step-list';
import { titleOf } from '@airlock/common/workflow-name';
import type { TrustDescription } from '../../app/describe-trust.ts';
import type { RunDetails } from '../../app/page-queries.ts';
import { lineDiff } from '../../domain/line-diff.ts';

type Held = NonNullable<TrustDescription['held']>;

/** What a stranger's run would follow, and the decision over it. */
export function HeldBox({
  frame,
  run,
  held,
}: {
  readonly frame: Frame;
  readonly run: Pick<RunDetails, 'id' | 'plan'>;
  readonly held: Held;
}) {
  const steps = (run.plan?.workflows ?? []).flatMap((workflow) =>
    workflow.steps.map(({ name, image }) => ({
      ...{ id: `${workflow.name}-${workflow.instance}-${name}`, tone: 'wait' as const },
      ...{ title: name, detail: `in ${image}, workflow ${titleOf(workflow)}` },
    })),
  );
  return (
    <>
      {steps.length === 0 ? (
        <p>The files of {held.baseBranch} run nothing for it; its own files would.</p>
      ) : (
        <>
          <SectionHeading>What the files of {held.baseBranch} run for it</SectionHeading>
          <StepList steps={steps} />
        </>
      )}
      <SectionHeading id="files">
        {held.isSame ? 'Pipeline files' : 'What it changes in the pipeline files'}
      </SectionHeading>
      {held.isSame ? (
        <p>
          The same as those of {held.baseBranch}. What they call may still be changed; look at the
          whole change first.
        </p>
      ) : (
        changedFiles(held).map(({ path, text }) => (
          <Fragment key={path}>
            <p class="muted">
              <code>{path}</code>
            </p>
            <CodeBlock label={path} wrap>
              {text}
            </CodeBlock>
          </Fragment>
        ))
      )}
      {frame.viewer?.roles.includes('developer') === true ? (
        <Card title="Let it be built" icon="person" emphasis>
          <p>
            Only this commit, with the trust of strangers: no secrets, no cache that others read,
            and machines that nothing of main runs on.
          </p>
          {steps.length === 0 ? null : (
            <ReleaseForm frame={frame} runId={run.id} held={held} files="base" />
          )}
          {held.isSame ? null : (
            <ReleaseForm frame={frame} runId={run.id} held={held} files="own" />
          )}
        </Card>
      ) : null}
    </>
  );
}

function ReleaseForm({
  frame,
  runId,
  held,
  files,
}: {
  readonly frame: Frame;
  readonly runId: string;
  readonly held: Held;
  readonly files: 'own' | 'base';
}) {
  return (
    <PostForm action={`/runs/${runId}/release`} csrfToken={frame.csrfToken}>
      <input type="hidden" name="commit" value={held.commit} />
      <input type="hidden" name="files" value={files} />
      <input type="hidden" name="filesDigest" value={held.digest} />
      {files === 'base' ? (
        <Button kind="primary" block>
          Build it with the files of {held.baseBranch}
        </Button>
      ) : (
        <Button kind="danger" block>
          Build it with its own files, as changed above
        </Button>
      )}
    </PostForm>
  );
}

function changedFiles({ base, own }: Held): { path: string; text: string }[] {
  const named = ({ pipelines, release }: Held['own']): Map<string, string> =>
    new Map([
      ...pipelines.map(({ path, text }): [string, string] => [path, text]),
      ...(release === null ? [] : [['.airlock/release.yaml', release] as [string, string]]),
    ]);
  const [before, after] = [named(base), named(own)];
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  return paths.flatMap((path) => {
    const [old, now] = [before.get(path) ?? null, after.get(path) ?? null];
    if (old === now) return [];
    const signs = { same: ' ', gone: '-', new: '+' };
    const text = lineDiff(old, now)
      .map((line) => `${signs[line.kind]} ${line.text}`)
      .join('\n');
    return [{ path, text }];
  });
}
