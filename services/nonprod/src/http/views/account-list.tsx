import { Button } from '@airlock/web/views/button';
import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { PostForm } from '@airlock/web/views/form';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import type { ForgeAccount } from '../../app/people-ports.ts';
import { mostIdleDays } from '../../domain/api-token.ts';

const forgeNames = { github: 'GitHub', bitbucket: 'Bitbucket' } as const;

export function AccountListPage({
  frame,
  accounts,
  forges,
  now,
}: {
  readonly frame: Frame;
  readonly accounts: readonly (ForgeAccount & { readonly linkedAt: Date })[];
  readonly forges: readonly Pick<ForgeAccount, 'host' | 'provider'>[];
  readonly now: Date;
}) {
  return (
    <Layout frame={frame} title="Your accounts at forges">
      <p class="muted">
        Pull requests of an account that is linked to you count as a member’s where one of your
        groups owns the repository: they are built without waiting for a release. An account is
        known by the number that the forge gives it; names are shown and never compared. After{' '}
        {mostIdleDays} days without a sign-in here they count as a stranger’s until you sign in.
      </p>
      <WithAside aside={<LinkBox frame={frame} forges={forges} />}>
        <SectionHeading>Linked</SectionHeading>
        <DataTable
          caption="Your accounts"
          stacked
          rows={accounts}
          empty="You have linked no account."
          columns={[
            {
              label: 'Account',
              wide: true,
              cell: ({ provider, host, account, name }) => (
                <>
                  {name}
                  <div class="muted small">
                    {forgeNames[provider]} at {host}, number {account}
                  </div>
                </>
              ),
            },
            { label: 'Linked', cell: ({ linkedAt }) => <Time at={linkedAt} now={now} /> },
            {
              label: 'Unlink',
              cell: ({ host, account }) => (
                <PostForm action="/me/accounts/unlink" csrfToken={frame.csrfToken}>
                  <input type="hidden" name="host" value={host} />
                  <input type="hidden" name="account" value={account} />
                  <Button kind="danger">Unlink</Button>
                </PostForm>
              ),
            },
          ]}
        />
      </WithAside>
    </Layout>
  );
}

function LinkBox({
  frame,
  forges,
}: {
  readonly frame: Frame;
  readonly forges: readonly Pick<ForgeAccount, 'host' | 'provider'>[];
}) {
  return (
    <Card title="Link an account" icon="key" emphasis>
      {forges.length === 0 ? (
        <p>
          No forge is set up for it. Whoever runs this installation adds one under accountLinks of
          nonprod-web.
        </p>
      ) : (
        <p class="muted small">
          You sign in there. Nothing but the number and the name of your account is asked for, and
          no token is kept.
        </p>
      )}
      {forges.map(({ provider, host }) => (
        <PostForm key={host} action={`/me/accounts/${host}/link`} csrfToken={frame.csrfToken}>
          <Button kind="primary" block>
            {forgeNames[provider]} ({host})
          </Button>
        </PostForm>
      ))}
    </Card>
  );
}
