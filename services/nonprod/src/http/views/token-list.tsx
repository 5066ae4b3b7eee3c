import { Status } from '@airlock/web/views/badge';
import { Button } from '@airlock/web/views/button';
import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { CodeBlock } from '@airlock/web/views/code-block';
import { DataTable } from '@airlock/web/views/data-table';
import { CheckField, PostForm, SelectField, TextField } from '@airlock/web/views/form';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import type { TokenSummary } from '../../app/token-ports.ts';
import { mostIdleDays, mostTokenDays, type TokenScope } from '../../domain/api-token.ts';

const scopeWords: Readonly<Record<TokenScope, string>> = {
  read: 'read: look at everything that you may look at',
  run: 'run: start, schedule, cancel and retry runs',
  promote: 'promote: ask for promotions (people decide at the gate)',
  secrets: 'secrets: set and erase secrets, where you may',
  admin: 'admin: repositories, owners, pools and budgets, where you may',
};

export function TokenListPage({
  frame,
  tokens,
  made,
  now,
}: {
  readonly frame: Frame;
  readonly tokens: readonly TokenSummary[];
  /** The token that was made just now; it is shown this once. */
  readonly made: { readonly token: string; readonly name: string } | null;
  readonly now: Date;
}) {
  return (
    <Layout frame={frame} title="Your tokens">
      {made === null ? null : (
        <VerdictBanner
          kind="info"
          title={`The token for ${made.name}.`}
          text="Copy it now: it is not kept and not shown again."
        >
          <CodeBlock label="The token" wrap>
            {made.token}
          </CodeBlock>
        </VerdictBanner>
      )}
      <p class="muted">
        With a token a program calls the API in your name: it can do what the token is for and you
        may do yourself at that moment. It does what takes an administrator only if you{' '}
        <a href="/me/administrator">were one</a> when you made it, and lives at most a day then. No
        token approves anything or makes tokens. Tokens of somebody who has not signed in for{' '}
        {mostIdleDays} days wait until they do.
      </p>
      <WithAside aside={<MakeBox frame={frame} />}>
        <SectionHeading>Kept</SectionHeading>
        <DataTable
          caption="Your tokens"
          stacked
          rows={tokens}
          empty="You have made no token."
          columns={[
            {
              label: 'For',
              wide: true,
              cell: ({ name, scopes, networks, administers }) => (
                <>
                  {name}
                  <div class="muted small">
                    {scopes.join(', ')}
                    {administers ? '; as administrator' : ''}
                    {networks.length === 0 ? '' : `; from ${networks.join(', ')}`}
                  </div>
                </>
              ),
            },
            { label: 'State', nowrap: true, cell: (token) => <State token={token} now={now} /> },
            {
              label: 'Last used',
              cell: ({ lastUsedAt }) =>
                lastUsedAt === null ? 'never' : <Time at={lastUsedAt} now={now} />,
            },
            {
              label: 'Revoke',
              cell: (token) =>
                counts(token, now) ? (
                  <PostForm action={`/me/tokens/${token.id}/revoke`} csrfToken={frame.csrfToken}>
                    <Button kind="danger">Revoke</Button>
                  </PostForm>
                ) : (
                  ''
                ),
            },
          ]}
        />
      </WithAside>
    </Layout>
  );
}

const counts = ({ revokedAt, expiresAt }: TokenSummary, now: Date): boolean =>
  revokedAt === null && expiresAt > now;

function State({ token, now }: { readonly token: TokenSummary; readonly now: Date }) {
  const { revokedAt, expiresAt } = token;
  if (revokedAt !== null) {
    return (
      <Status tone="plain">
        revoked <Time at={revokedAt} now={now} />
      </Status>
    );
  }
  return (
    <Status tone={expiresAt > now ? 'good' : 'plain'}>
      {expiresAt > now ? 'until' : 'ended'} <Time at={expiresAt} now={now} />
    </Status>
  );
}

function MakeBox({ frame }: { readonly frame: Frame }) {
  return (
    <Card title="Make a token" icon="key" emphasis>
      <PostForm action="/me/tokens" csrfToken={frame.csrfToken}>
        <TextField label="For which program" name="name" required maxLength={100} />
        {Object.entries(scopeWords).map(([scope, words]) => (
          <CheckField
            key={scope}
            name={`scope-${scope}`}
            label={words}
            checked={scope === 'read'}
          />
        ))}
        <SelectField
          label="Ends after"
          name="days"
          value="30"
          options={[1, 7, 30, mostTokenDays].map((days) => ({
            value: String(days),
            label: days === 1 ? '1 day' : `${days} days`,
          }))}
        />
        <TextField
          label="Only from these networks"
          name="networks"
          hint="One a line, such as 10.1.0.0/16. Empty: from anywhere."
          multiline
        />
        <Button kind="primary" icon="key" block>
          Make it
        </Button>
      </PostForm>
    </Card>
  );
}
