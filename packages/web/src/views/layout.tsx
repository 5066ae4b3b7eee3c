import type { ComponentChildren } from 'preact';
import type { AssetName, Assets } from '../assets.ts';
import type { Viewer } from '../route.ts';
import type { IconName } from './icon-names.ts';
import { Icon } from './icon.tsx';
import { VerdictBanner, type VerdictKind } from './verdict-banner.tsx';

export type Service = 'nonprod' | 'gate';

/** @property keys open it from any page, one after the other, as `KeyboardEvent.key` names them (see keys.ts). */
export interface NavEntry {
  readonly href: string;
  readonly label: string;
  readonly keys?: string;
}

/** What every page of one request shares. */
export interface Frame {
  readonly service: Service;
  readonly viewer: Viewer | null;
  readonly csrfToken: string;
  /** Path and query of the request: marks the current entry of `nav`, and is where signing in returns to. */
  readonly path: string;
  readonly nav: readonly NavEntry[];
  readonly assets: Assets;
  readonly version: string;
  readonly footer: readonly { readonly label: string; readonly value: string }[];
  readonly hasManual?: boolean;
  /** What everybody is told on every page until it is settled. */
  readonly notices?: readonly Notice[];
}

/** One sentence on top of every page, with the page where it is settled. */
export interface Notice {
  readonly kind: VerdictKind;
  readonly title: string;
  readonly text: string;
  readonly href: string;
  readonly label: string;
}

/** The two sides never look alike: colour, shape and words differ, also in the title and in the tab's icon. */
const sides: Readonly<Record<Service, { mark: string; icon: IconName }>> = {
  gate: { mark: 'PROD GATE', icon: 'shield-lock' },
  nonprod: { mark: 'NON-PROD CI', icon: 'beaker' },
};

/**
 * The whole document around a page.
 *
 * @param title of the tab and, unless `heading` is given, the page's only `h1`.
 * @param live address of the event stream that keeps the page current (see live.ts); without scripts, the page loads again
 *   every 10 seconds instead.
 */
export function Layout({
  frame,
  title,
  heading,
  breadcrumbs = [],
  scripts = [],
  live,
  children,
}: {
  readonly frame: Frame;
  readonly title: string;
  readonly heading?: ComponentChildren;
  /** From the top; the last one, this page, has no `href`. */
  readonly breadcrumbs?: readonly { readonly label: string; readonly href?: string }[];
  readonly scripts?: readonly AssetName[];
  readonly live?: string;
  readonly children: ComponentChildren;
}) {
  const side = sides[frame.service];
  const allScripts = new Set<AssetName>([
    ...(live === undefined ? [] : (['live.js'] as const)),
    ...(frame.viewer === null ? [] : (['keys.js'] as const)),
    ...scripts,
  ]);
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{`${title} · ${side.mark}`}</title>
        <link
          rel="icon"
          type="image/svg+xml"
          href={frame.assets.url(`favicon-${frame.service}.svg`)}
        />
        <link rel="stylesheet" href={frame.assets.url('style.css')} />
        {[...allScripts].map((name) => (
          <script key={name} type="module" src={frame.assets.url(name)} />
        ))}
        {live === undefined ? null : (
          <noscript>
            <meta http-equiv="refresh" content="10" />
          </noscript>
        )}
      </head>
      <body class={`side-${frame.service}`} {...(live === undefined ? {} : { 'data-live': live })}>
        <a class="skip-link" href="#main">
          Skip to the content
        </a>
        <header class="side-bar">
          <a class="side-mark" href="/">
            <Icon name={side.icon} size={24} />
            {frame.viewer === null ? null : <strong>Airlock</strong>}
            <span class="side-name">{side.mark}</span>
          </a>
          <Navigation nav={frame.nav} path={frame.path} />
          <Person frame={frame} />
        </header>
        <p class="live-strip" id="live-status" role="status" hidden />
        <main class="page" id="main" tabIndex={-1}>
          <Breadcrumbs items={breadcrumbs} />
          <h1>{heading ?? title}</h1>
          <Notices notices={frame.notices ?? []} path={frame.path} />
          {children}
        </main>
        <Footer frame={frame} />
        {frame.viewer === null ? null : <p class="said" id="keys-status" role="status" />}
      </body>
    </html>
  );
}

const withoutQuery = (path: string): string => path.replace(/[?#].*$/, '');

function Notices({ notices, path }: Pick<Frame, 'path'> & { readonly notices: readonly Notice[] }) {
  const here = withoutQuery(path);
  return (
    <>
      {notices.map(({ kind, title, text, href, label }) => (
        <VerdictBanner key={title} kind={kind} icon="alert" title={title} text={text}>
          {href === here ? null : <a href={href}>{label}</a>}
        </VerdictBanner>
      ))}
    </>
  );
}

function Navigation({ nav, path }: Pick<Frame, 'nav' | 'path'>) {
  const here = withoutQuery(path);
  const section = nav
    .map(({ href }) => href)
    .filter((href) => here === href || (href !== '/' && here.startsWith(`${href}/`)))
    .reduce((longest, href) => (href.length > longest.length ? href : longest), '');
  return (
    <nav aria-label="Main">
      <ul>
        {nav.map(({ href, label, keys }) => (
          <li key={href}>
            <a
              href={href}
              {...(keys === undefined ? {} : keysOf(label, keys))}
              {...(href === section
                ? { 'aria-current': here === href ? ('page' as const) : ('true' as const) }
                : {})}
            >
              {label}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

/** Of two keys one after the other ARIA has no word. */
const keysOf = (label: string, keys: string) => ({
  'data-keys': keys,
  title: `${label}: press ${keys.replace(' ', ', then ')} on any page`,
  ...(keys.includes(' ') ? {} : { 'aria-keyshortcuts': keys }),
});

/** Signing in is a link: a form would be redirected to the identity provider, which form-action forbids. */
export function signInUrl(path: string): string {
  return `/auth/sign-in?returnTo=${encodeURIComponent(path)}`;
}

/** An identity provider may send dozens; the rest is in a title. */
const groupsShown = 2;

function Person({ frame: { viewer, csrfToken, path } }: { readonly frame: Frame }) {
  if (viewer === null) {
    return (
      <div class="side-person">
        <a class="button side-button" href={signInUrl(path)}>
          <Icon name="sign-in" />
          Sign in
        </a>
      </div>
    );
  }
  const rest = viewer.groups.slice(groupsShown);
  return (
    <div class="side-person">
      <ul class="side-groups" aria-label="Your groups">
        {viewer.groups.slice(0, groupsShown).map((group) => (
          <li key={group}>
            <Icon name="people" />
            {group}
          </li>
        ))}
        {rest.length === 0 ? null : <li title={rest.join(', ')}>{`+${rest.length} more`}</li>}
      </ul>
      <a href="/me">
        <strong>{viewer.name}</strong>
      </a>
      <form method="post" action="/auth/sign-out">
        <input type="hidden" name="_csrf" value={csrfToken} />
        <button type="submit" class="button side-button">
          Sign out
        </button>
      </form>
    </div>
  );
}

function Breadcrumbs({
  items,
}: {
  readonly items: readonly { readonly label: string; readonly href?: string }[];
}) {
  if (items.length === 0) return null;
  return (
    <nav class="breadcrumbs" aria-label="Where this is">
      <ol>
        {items.map(({ label, href }) => (
          <li key={label}>
            {href === undefined ? (
              <span aria-current="page">{label}</span>
            ) : (
              <a href={href}>{label}</a>
            )}
          </li>
        ))}
      </ol>
    </nav>
  );
}

/** A stranger learns neither product nor version nor what goes on here: whoever scans for one finds none. */
function Footer({ frame }: { readonly frame: Frame }) {
  if (frame.viewer === null) {
    return (
      <footer class="page-footer">
        <span>All times are UTC.</span>
      </footer>
    );
  }
  return (
    <footer class="page-footer">
      <span>{`Airlock ${frame.version}`}</span>
      {frame.hasManual === true ? <a href="/manual">Manual</a> : null}
      <span>
        <span id="times-note">All times are UTC.</span>{' '}
        <button type="button" class="link-button" id="times-button" hidden />
      </span>
      <button type="button" class="link-button" id="keys-button" hidden>
        Keys
      </button>
      {frame.footer.map(({ label, value }) => (
        <span key={label}>
          {label} <code>{value}</code>
        </span>
      ))}
    </footer>
  );
}
