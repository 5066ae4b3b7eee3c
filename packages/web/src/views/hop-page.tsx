import type { Assets } from '../assets.ts';

/**
 * Goes on to `href` from a page of our own. After the identity provider's POST, the session cookie (SameSite=Strict) is sent
 * only with a request that starts on our own site.
 */
export function HopPage({
  href,
  title,
  service,
  assets,
}: {
  /** A path of this site, or an address that its configuration names. */
  readonly href: string;
  readonly title: string;
  readonly service: 'nonprod' | 'gate';
  readonly assets: Assets;
}) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="refresh" content={`0;url=${href}`} />
        <title>{title}</title>
        <link rel="icon" href={assets.url(`favicon-${service}.svg`)} type="image/svg+xml" />
        <link rel="stylesheet" href={assets.url('style.css')} />
      </head>
      <body>
        <main class="page">
          <h1>{title}</h1>
          <p>
            <a href={href}>Go on</a>
          </p>
        </main>
      </body>
    </html>
  );
}
