import { Card, CardGrid } from '@airlock/web/views/card';
import { DescriptionList } from '@airlock/web/views/description-list';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { elevatedRole } from '../../domain/elevation.ts';

export function MePage({ frame }: { readonly frame: Frame }) {
  const { viewer } = frame;
  const listed = (names: readonly string[] = []) =>
    names.length === 0 ? 'none' : names.join(', ');
  return (
    <Layout frame={frame} title="You">
      <DescriptionList
        items={[
          { term: 'Name', value: viewer?.name ?? '' },
          { term: 'Known as', value: viewer?.nameId ?? '' },
          {
            term: 'Groups',
            value: listed(viewer?.groups),
            source: 'as your identity provider sent them when you signed in',
          },
          { term: 'Roles here', value: listed(viewer?.roles) },
        ]}
      />
      <CardGrid>
        <Card title="Tokens" icon="key">
          <p>
            Your programs come with <a href="/me/tokens">tokens</a>, which may do less than you and
            end after 90 days at most.
          </p>
        </Card>
        <Card title="Accounts at forges" icon="people">
          <p>
            Show that <a href="/me/accounts">an account</a> is yours, so that your pull requests
            count as a member’s.
          </p>
        </Card>
        <Card title="Usage" icon="container">
          <p>
            Look up <a href="/usage">who used how much</a> of the machines and of the store.
          </p>
        </Card>
        {viewer !== null &&
        (viewer.roles.includes(elevatedRole) || viewer.mayTakeUp?.includes(elevatedRole)) ? (
          <Card title="Administrator" icon="shield-lock">
            <p>
              <a href="/me/administrator">Become administrator</a> for an hour at most, and say what
              for; see who else is.
            </p>
          </Card>
        ) : null}
        {viewer?.roles.includes(elevatedRole) === true ? (
          <Card title="Audit and credentials" icon="log">
            <p>
              Look up <a href="/audit">what people did</a> here: who, when, from where, and what
              came of it.
            </p>
            <p>
              See <a href="/credentials">which credentials</a> are in use here, and when each is to
              be replaced.
            </p>
          </Card>
        ) : null}
      </CardGrid>
    </Layout>
  );
}
