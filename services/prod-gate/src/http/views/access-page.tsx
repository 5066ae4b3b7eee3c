import { assumptions, groupInWords, type Way } from '@airlock/common/access/coalition';
import type { Power } from '@airlock/common/access/powers';
import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { CodeBlock } from '@airlock/web/views/code-block';
import { DescriptionList } from '@airlock/web/views/description-list';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import { plain } from './words.ts';

export interface AccessPageProps {
  readonly frame: Frame;
  readonly target: string;
  readonly powers: readonly Power[];
  readonly ways: readonly Way[];
  readonly warnings: readonly string[];
}

export function AccessPage({ frame, target, powers, ways, warnings }: AccessPageProps) {
  return (
    <Layout
      frame={frame}
      title={`Who can deliver to ${target}`}
      breadcrumbs={[
        { label: 'Targets', href: '/targets' },
        { label: target, href: `/targets/${target}` },
        { label: 'Who can deliver' },
      ]}
    >
      {warnings.length === 0 ? (
        <VerdictBanner
          kind="none"
          title="No single person, by the signed files."
          text="Every way to change production here that these files know takes two people or more; what they do not know stands beside it."
        />
      ) : (
        <VerdictBanner
          kind="fix"
          title="One person is enough."
          text="Administrators raise the count of an approval rule, or add a builder of another domain."
        />
      )}
      {warnings.length === 0 ? null : (
        <ul>
          {warnings.map((text) => (
            <li key={text}>{plain(text)}</li>
          ))}
        </ul>
      )}
      <WithAside aside={<Aside target={target} />}>
        <SectionHeading>Who may what</SectionHeading>
        {powers.map(({ what, need, holders, condition }, index) => (
          <Card key={index} title={inWords(what, need, holders.length)} icon="person">
            {holders.length === 0 ? null : (
              <DescriptionList
                items={holders.map(({ name, login }) => ({
                  term: plain(name),
                  value: plain(login),
                }))}
              />
            )}
            {condition === null ? null : <p class="small muted">{plain(condition)}</p>}
          </Card>
        ))}
        <SectionHeading>Who together could</SectionHeading>
        {ways.map((way) => (
          <Card key={way.id} title={sentence(way.what)} icon="shield-lock">
            {way.groups.length === 0 ? <p class="muted">Nobody.</p> : null}
            <ul>
              {way.groups.map((group) => (
                <li key={groupInWords(group)}>{plain(groupInWords(group))}</li>
              ))}
            </ul>
            {way.isComplete ? null : (
              <p class="small muted">And more: there are too many ways to list.</p>
            )}
          </Card>
        ))}
      </WithAside>
    </Layout>
  );
}

const sentence = (what: string): string => `${what.charAt(0).toUpperCase()}${what.slice(1)}`;

function inWords(what: string, need: number, holders: number): string {
  return `${sentence(what)}: ${holders === 0 ? 'nobody' : `${need} of ${holders}`}`;
}

function Aside({ target }: Pick<AccessPageProps, 'target'>) {
  return (
    <>
      <Card title="Assumed" icon="info">
        <ul class="small">
          {assumptions.map((text) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      </Card>
      <Card title="The same by command" icon="terminal">
        <CodeBlock label="Commands" wrap>
          {`airlock who-can-deliver ${target}\nairlock coalition ${target}`}
        </CodeBlock>
        <p class="small muted">They read the signed files themselves, on another machine.</p>
      </Card>
    </>
  );
}
