import type { ManualPage } from '../manual.ts';
import { Card, WithAside } from './card.tsx';
import { ItemList } from './item-list.tsx';
import { Layout, type Frame } from './layout.tsx';

const chapters = [
  { title: 'The pair', has: ({ path }: ManualPage) => !path.startsWith('operations/') },
  { title: 'In operation', has: ({ path }: ManualPage) => path.startsWith('operations/') },
];

export function ManualContents({
  frame,
  pages,
}: {
  readonly frame: Frame;
  readonly pages: readonly ManualPage[];
}) {
  return (
    <Layout frame={frame} title="Manual">
      <p class="muted">Of this version, as it was built; nothing of it is loaded from elsewhere.</p>
      {chapters.map(({ title, has }) => (
        <>
          <h2>{title}</h2>
          <ItemList
            items={pages.filter(has).map((page) => ({
              id: page.path,
              tone: 'plain',
              title: <a href={`/manual/${page.path}`}>{page.title}</a>,
              meta: page.summary,
            }))}
          />
        </>
      ))}
    </Layout>
  );
}

/** @param html of the build's own making (scripts/build-manual.ts), with every mark of its text escaped there. */
export function ManualText({
  frame,
  page,
  html,
  editAddress,
}: {
  readonly frame: Frame;
  readonly page: ManualPage;
  readonly html: string;
  readonly editAddress: string | null;
}) {
  return (
    <Layout
      frame={frame}
      title={page.title}
      breadcrumbs={[{ label: 'Manual', href: '/manual' }, { label: page.title }]}
    >
      <WithAside
        aside={
          <>
            {page.sections.length === 0 ? null : (
              <Card title="On this page">
                <ul>
                  {page.sections.map(({ id, title }) => (
                    <li key={id}>
                      <a href={`#${id}`}>{title}</a>
                    </li>
                  ))}
                </ul>
              </Card>
            )}
            <Card title="Better said?">
              <p>
                This page is <code>{page.file}</code> of Airlock’s source.
              </p>
              {editAddress === null ? null : (
                <a href={editAddress} rel="noreferrer">
                  Edit this page
                </a>
              )}
            </Card>
          </>
        }
      >
        <article class="manual" dangerouslySetInnerHTML={{ __html: html }} />
      </WithAside>
    </Layout>
  );
}
