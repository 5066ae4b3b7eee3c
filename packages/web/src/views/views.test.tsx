import assert from 'node:assert/strict';
import test from 'node:test';
import type { Problem } from '@airlock/common/wire/problem';
import type { VNode } from 'preact';
import { renderToString } from 'preact-render-to-string';
import type { Assets } from '../assets.ts';
import type { Viewer } from '../route.ts';
import { CheckList } from './check-list.tsx';
import { Digest } from './code-block.tsx';
import { DataTable } from './data-table.tsx';
import { ErrorPage } from './error-page.tsx';
import { HopPage } from './hop-page.tsx';
import { iconNames } from './icon-names.ts';
import { Icon } from './icon.tsx';
import { Layout, type Frame } from './layout.tsx';
import { LogView } from './log-view.tsx';

const assets: Assets = { directory: '/', url: (name) => `/assets/${name}` };
const dana: Viewer = {
  id: 'dana',
  name: 'dana',
  nameId: 'dana@demo.airlock.example',
  idp: 'https://idp.example',
  groups: ['developers', 'shop', 'everyone', 'berlin'],
  roles: [],
};
const frame: Frame = {
  service: 'gate',
  viewer: dana,
  csrfToken: 'token-of-the-session',
  path: '/promotions/prm_1?tab=diff',
  nav: [
    { href: '/', label: 'Start' },
    { href: '/promotions', label: 'Releases' },
    { href: '/leases', label: 'Leases' },
  ],
  assets,
  version: '0.1.0',
  footer: [{ label: 'Ledger checkpoint', value: '#42' }],
};
const render = (page: VNode): string => renderToString(page);
const errorPage = (
  problem: Partial<Problem>,
  viewer: Viewer | null = dana,
  service: Frame['service'] = 'gate',
): string =>
  render(
    <ErrorPage
      frame={{ ...frame, viewer, service }}
      problem={{ type: 'about:blank', title: 'T', status: 403, code: 'c', ...problem }}
    />,
  );

test('every icon that a page may name exists in both sizes', () => {
  for (const name of iconNames) {
    for (const size of [16, 24] as const)
      assert.match(render(<Icon name={name} size={size} />), /<path/);
  }
});

test('an icon without a label is hidden from screen readers, one with a label is read', () => {
  assert.match(render(<Icon name="clock" />), /aria-hidden="true"/);
  assert.match(render(<Icon name="clock" label="waiting" />), /role="img" aria-label="waiting"/);
});

test('the two sides differ in title, mark, icon and colour', () => {
  const pages = (['gate', 'nonprod'] as const).map((service) =>
    render(
      <Layout frame={{ ...frame, service }} title="Queue">
        text
      </Layout>,
    ),
  );
  const [gate = '', nonprod = ''] = pages;
  assert.match(gate, /<title>Queue · PROD GATE<\/title>.*favicon-gate\.svg.*side-gate/s);
  assert.match(nonprod, /<title>Queue · NON-PROD CI<\/title>.*favicon-nonprod\.svg.*side-nonprod/s);
});

test('the navigation marks the section that a page is in', () => {
  const page = render(
    <Layout frame={frame} title="Release">
      text
    </Layout>,
  );
  assert.match(page, /<a href="\/promotions" aria-current="true">/);
  assert.equal(page.match(/aria-current/g)?.length, 1);
});

test('a live page loads live.js once, names its stream, and loads again by itself without scripts', () => {
  const page = render(
    <Layout frame={frame} title="Release" live="/promotions/prm_1/events" scripts={['live.js']}>
      text
    </Layout>,
  );
  assert.equal(page.match(/live\.js/g)?.length, 1);
  assert.match(page, /<body class="side-gate" data-live="\/promotions\/prm_1\/events">/);
  assert.match(page, /<noscript><meta http-equiv="refresh" content="10"/);
});

test('signing out is a form with the token, signing in a link that comes back here', () => {
  const signedIn = render(<Layout frame={frame} title="T" children="text" />);
  assert.match(signedIn, /action="\/auth\/sign-out".*name="_csrf" value="token-of-the-session"/s);
  const signedOut = render(<Layout frame={{ ...frame, viewer: null }} title="T" children="text" />);
  assert.match(signedOut, /href="\/auth\/sign-in\?returnTo=%2Fpromotions%2Fprm_1%3Ftab%3Ddiff"/);
  assert.doesNotMatch(signedOut, /sign-out/);
});

test('many groups are cut to two and a count, and the rest can be read', () => {
  const page = render(<Layout frame={frame} title="T" children="text" />);
  assert.match(page, /title="everyone, berlin">\+2 more</);
});

test('a refusal names the missing group, who was refused, and the groups that came with the sign-in', () => {
  const page = errorPage({ needs: [{ group: 'platform' }], requestId: 'req-7' }, dana, 'nonprod');
  assert.match(page, /Missing group: platform\./);
  assert.match(page, /dana@demo\.airlock\.example; groups: developers, shop, everyone, berlin\./);
  assert.match(page, /sign in again/);
  assert.match(page, /req-7/);
});

test('at the gate a refusal names the missing role, which the roster gives and not the sign-in', () => {
  const page = errorPage({ needs: [{ group: 'release-manager' }] });
  assert.match(page, /Missing role: release-manager\./);
  assert.match(page, /dana@demo\.airlock\.example; roles: none\./);
  assert.doesNotMatch(page, /sign in again/);
});

test('somebody who is not signed in is offered to, and is told of no group', () => {
  const page = errorPage({ status: 401, title: 'Sign in first' }, null);
  assert.match(page, /You are not signed in/);
  assert.doesNotMatch(page, /Missing/);
});

test('a fault of the service does not blame the person', () => {
  assert.match(errorPage({ status: 503 }), /The fault is on our side/);
  assert.match(errorPage({ status: 409 }), /Nothing was changed/);
});

test('what needs attention stands first and open; what passed is closed; each says its state in words', () => {
  const list = render(
    <CheckList
      checks={[
        { id: 'a', status: 'skip', title: 'Ticket', summary: 's', children: 'more' },
        { id: 'b', status: 'pass', title: 'Signature', summary: 's', children: 'more' },
        { id: 'c', status: 'wait', title: 'Approvals', summary: 's', children: 'more' },
        { id: 'd', status: 'error', title: 'Git', summary: 's', children: 'more' },
        { id: 'e', status: 'fail', title: 'Tests', summary: 's', children: 'more' },
        { id: 'f', status: 'pass', title: 'Digest', summary: 's' },
      ]}
    />,
  );
  assert.deepEqual(
    [...list.matchAll(/id="check-(\w)"/g)].map(([, id]) => id),
    ['e', 'd', 'c', 'b', 'f', 'a'],
  );
  assert.equal(list.match(/<details open/g)?.length, 3);
  assert.equal(list.match(/<details/g)?.length, 5);
  for (const word of ['failed', 'could not be checked', 'waiting', 'passed', 'not required']) {
    assert.ok(list.includes(`aria-label="${word}"`), word);
  }
});

test('an empty table says why it is empty', () => {
  const table = render(
    <DataTable
      caption="Leases"
      columns={[{ label: 'Path', cell: () => '' }]}
      rows={[]}
      empty="No live leases. That is the normal state."
    />,
  );
  assert.match(table, /That is the normal state/);
  assert.doesNotMatch(table, /<table/);
});

test('a digest is short for the eye and whole in its title', () => {
  const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
  assert.equal(
    render(<Digest value={digest} />),
    `<code title="${digest}">sha256:0123456789ab…cdef</code>`,
  );
  assert.match(render(<Digest value="a81c09e" />), />a81c09e</);
});

test('whatever a build prints stays text', () => {
  const log = render(
    <LogView
      label="Log"
      empty="No output yet."
      lines={[{ n: 1, spans: [{ text: '<img src=x onerror=alert(1)>', classes: ['ansi-red'] }] }]}
    />,
  );
  assert.doesNotMatch(log, /<img/);
  assert.match(log, /<span class="ansi-red">&lt;img/);
});

test('no page has inline styles or scripts', () => {
  const pages = [
    errorPage({ needs: [{ group: 'g' }] }),
    render(<Layout frame={frame} title="T" live="/events" children="text" />),
    render(<HopPage href="/queue" title="Signed in" service="gate" assets={assets} />),
  ];
  for (const page of pages) {
    assert.doesNotMatch(page, /\sstyle=|<style|\son\w+=|<script(?![^>]* src=)/);
  }
});

test('V4: a stranger’s page names no product, no version and nothing that goes on', () => {
  for (const service of ['gate', 'nonprod'] as const) {
    const stranger = errorPage({ status: 404 }, null, service);
    assert.doesNotMatch(stranger, /airlock|0\.1\.0|#42/i);
    assert.match(errorPage({ status: 404 }, dana, service), /Airlock 0\.1\.0.*#42/s);
  }
});
