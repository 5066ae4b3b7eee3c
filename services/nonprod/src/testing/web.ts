/** Routes on the real web edge, and people with a session; how people sign in is the web kit's to test. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSamlKey } from '@airlock/cli/setup/saml-key';
import { openPool } from '@airlock/database/pool';
import { createSessionStore } from '@airlock/database/session-store';
import { createLog, type Log } from '@airlock/process/log';
import { freePort } from '@airlock/testkit/ports';
import type { Route, Viewer } from '@airlock/web/route';
import type { Identity } from '@airlock/web/saml/identity';
import { createWebServer } from '@airlock/web/server';
import type { WebServerOptions } from '@airlock/web/server-options';
import { csrfTokenOf, hashOf, newSecret, sessionCookie } from '@airlock/web/session';
import { rolesOf } from '../domain/access.ts';
import type { TestDatabase } from './database.ts';

const groups = { developers: 'developer', platform: 'platform' } as const;

export const silent: Log = createLog('test');
for (const level of ['debug', 'info', 'warn', 'error'] as const) silent[level] = () => undefined;

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly location: string | undefined;
}

export interface Browser {
  readonly csrfToken: string;
  readonly cookie: string;
  get(path: string): Promise<Answer>;
  /** A form, with its token. */
  post(path: string, fields: Readonly<Record<string, string>>): Promise<Answer>;
}

export interface TestWeb {
  readonly origin: string;
  signedIn(nameId: string, memberOf: readonly string[]): Promise<Browser>;
  send(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body?: string,
  ): Promise<Answer>;
  close(): Promise<void>;
}

export const viewerOf = (identity: Identity): Promise<Viewer> =>
  Promise.resolve({
    id: identity.nameId,
    name: identity.displayName,
    nameId: identity.nameId,
    idp: identity.idp,
    groups: identity.groups,
    roles: rolesOf(identity.groups, groups),
  });

export function identityOf(nameId: string, memberOf: readonly string[]): Identity {
  return {
    nameId,
    idp: 'https://idp.example',
    displayName: nameId.split('@')[0] ?? '',
    groups: [...memberOf],
  };
}

export async function startTestWeb(
  database: TestDatabase,
  routes: readonly Route[],
  more: Partial<
    Pick<
      WebServerOptions,
      | 'tokens'
      | 'signedIn'
      | 'acts'
      | 'resolveViewer'
      | 'notices'
      | 'listen'
      | 'origin'
      | 'proxy'
      | 'saml'
      | 'log'
    >
  > = {},
): Promise<TestWeb> {
  const directory = await mkdtemp(join(tmpdir(), 'airlock-nonprod-web-'));
  const pool = openPool(database.connectionOf('nonprod_web'));
  const sessions = createSessionStore(pool);
  const port = await freePort();
  const origin = `http://nonprod.localhost:${port}`;
  const key = await createSamlKey('nonprod');
  const [keyFile, certificateFile] = [join(directory, 'key'), join(directory, 'certificate')];
  await writeFile(keyFile, key.keyPem);
  await writeFile(certificateFile, key.certificatePem);
  const names = [
    ...[
      'style.css',
      'live.js',
      'keys.js',
      'log.js',
      'log-window.js',
      'passkey.js',
      'favicon-nonprod.svg',
    ],
  ];
  await writeFile(
    join(directory, 'manifest.json'),
    JSON.stringify(Object.fromEntries(names.map((name) => [name, name]))),
  );
  const server = await createWebServer({
    service: 'nonprod',
    origin,
    listen: { host: '127.0.0.1', port },
    log: silent,
    assetsDirectory: directory,
    sessions,
    saml: {
      entityId: `${origin}/saml/metadata`,
      idp: {
        entityId: 'https://idp.example',
        signInUrl: 'http://127.0.0.1:1/sso',
        certificateFile,
      },
      keyFile,
      certificateFile,
    },
    nav: [{ href: '/', label: 'Runs' }],
    build: { version: '0.0.0', commit: null, digest: null },
    footer: () => Promise.resolve([]),
    resolveViewer: viewerOf,
    groupForRole: (role) => Object.entries(groups).find(([, given]) => given === role)?.[0] ?? role,
    routes,
    ...more,
  });

  const send: TestWeb['send'] = (method, path, headers, body) => {
    const url = new URL(path, origin);
    return new Promise((resolve, reject) => {
      const outgoing = request(
        { method, host: '127.0.0.1', port, path, headers: { host: url.host, ...headers } },
        (incoming) => {
          let text = '';
          incoming.setEncoding('utf8');
          incoming.on('data', (chunk: string) => {
            text += chunk;
          });
          incoming.on('error', reject);
          incoming.on('end', () => {
            const { location } = incoming.headers;
            resolve({ status: incoming.statusCode ?? 0, text, location });
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  };

  return {
    origin,
    send,
    async signedIn(nameId, memberOf) {
      const sid = newSecret();
      await sessions.createSession(hashOf(sid), {
        person: nameId,
        identity: identityOf(nameId, memberOf),
        expiresAt: new Date(Date.now() + 3_600_000),
      });
      const cookie = `${sessionCookie}=${sid}`;
      const csrfToken = csrfTokenOf(sid);
      const ours = { cookie, origin, 'sec-fetch-site': 'same-origin', accept: 'text/html' };
      return {
        csrfToken,
        cookie,
        get: (path) => send('GET', path, { cookie, accept: 'text/html' }),
        post: (path, fields) =>
          send(
            'POST',
            path,
            { ...ours, 'content-type': 'application/x-www-form-urlencoded' },
            new URLSearchParams({ _csrf: csrfToken, ...fields }).toString(),
          ),
      };
    },
    async close() {
      await server.close();
      await pool.end();
      await rm(directory, { recursive: true });
    },
  };
}
