import type { Problem } from '@airlock/common/wire/problem';
import { Button } from './button.tsx';
import { Card } from './card.tsx';
import { Layout, signInUrl, type Frame } from './layout.tsx';
import { VerdictBanner } from './verdict-banner.tsx';

/** What was refused or went wrong, what is missing, and what to do next; the group by name, never the inside of a policy. */
export function ErrorPage({
  problem,
  frame,
}: {
  readonly problem: Problem;
  readonly frame: Frame;
}) {
  return (
    <Layout frame={frame} title={problem.title}>
      <Reason problem={problem} frame={frame} />
      <Card>
        {problem.detail === undefined ? null : <p>{problem.detail}</p>}
        {problem.codes === undefined ? null : (
          <ul>
            {problem.codes.map((code) => (
              <li key={code}>
                <code>{code}</code>
              </li>
            ))}
          </ul>
        )}
        <NextStep problem={problem} frame={frame} />
        {problem.requestId === undefined ? null : (
          <p class="small muted">
            Request id <code>{problem.requestId}</code>; whoever runs this service finds the request
            by it.
          </p>
        )}
      </Card>
    </Layout>
  );
}

interface Told {
  readonly problem: Problem;
  readonly frame: Frame;
}

function Reason({ problem, frame: { viewer, service } }: Told) {
  if (problem.needs !== undefined && problem.needs.length > 0) {
    const groups = problem.needs.map(({ group }) => group);
    if (service === 'gate') {
      return (
        <VerdictBanner
          kind="fix"
          icon="shield-slash"
          title={`Missing role: ${groups.join(' or ')}.`}
          text={
            viewer === null
              ? undefined
              : `Signed in as ${viewer.nameId}; roles: ${viewer.roles.length === 0 ? 'none' : viewer.roles.join(', ')}.`
          }
        />
      );
    }
    return (
      <VerdictBanner
        kind="fix"
        icon="shield-slash"
        title={
          groups.length === 1
            ? `Missing group: ${groups.join('')}.`
            : `Missing: one of the groups ${groups.join(', ')}.`
        }
        text={
          viewer === null
            ? undefined
            : `Signed in as ${viewer.nameId}; groups: ${viewer.groups.length === 0 ? 'none' : viewer.groups.join(', ')}.`
        }
      />
    );
  }
  if (problem.status === 401) {
    return <VerdictBanner kind="person" icon="sign-in" title="You are not signed in." />;
  }
  return problem.status >= 500 ? (
    <VerdictBanner
      kind="system"
      title="The fault is on our side."
      text="Nothing that you did needs a change."
    />
  ) : (
    <VerdictBanner
      kind={problem.status === 404 ? 'info' : 'fix'}
      title={problem.status === 404 ? 'Nothing at this address.' : 'Nothing was changed.'}
      text={
        problem.status === 404
          ? 'It may have been moved, or it may be something that you may not read.'
          : undefined
      }
    />
  );
}

function NextStep({ problem, frame: { path, service } }: Told) {
  if (problem.status === 401) {
    return (
      <p>
        <Button href={signInUrl(path)} kind="primary" icon="sign-in">
          Sign in
        </Button>
      </p>
    );
  }
  if (problem.code === 'elevation-required') {
    return (
      <p>
        <Button
          href={`/me/administrator?returnTo=${encodeURIComponent(path)}`}
          kind="primary"
          icon="key"
        >
          Become administrator
        </Button>
      </p>
    );
  }
  if (problem.needs !== undefined && problem.needs.length > 0) {
    if (service === 'gate') {
      return (
        <p>
          Roles come from the roster of the gate, a reviewed file. If this is your work, ask
          somebody of platform to add the role there.
        </p>
      );
    }
    return (
      <p>
        Groups come from your identity provider and are read at sign-in. If you were added just now,{' '}
        <a href={signInUrl(path)}>sign in again</a>; if not, ask whoever looks after that group.
      </p>
    );
  }
  return (
    <p>
      <a href="/">To the first page</a>
    </p>
  );
}
