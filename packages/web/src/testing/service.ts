/** A small service on the real web edge, for this package's tests. The identity provider and Postgres come from the tests. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AirlockError } from '@airlock/common/errors';
import type { Log, LogFields } from '@airlock/process/log';
import { z } from 'zod';
import { HttpError } from '../problem.ts';
import { route } from '../route.ts';
import { createWebServer, type WebServer } from '../server.ts';
import { openEventStream } from '../sse.ts';
import type { SessionStore } from '../session.ts';

export interface TestService extends WebServer {
  readonly logged: readonly { level: string; event: string; fields: LogFields }[];
}

/** Thrown by `/conflict`, as a use case would. */
class UseCaseError extends AirlockError<'taken'> {}

const Thing = z.strictObject({ name: z.string().min(2).max(20) });

const routes = [
  route({
    name: 'show-home',
    method: 'get',
    path: '/',
    access: 'signed-in',
    summary: 'The first page',
    handle(_request, response, { viewer }) {
      response.send(`hello ${viewer?.id ?? 'nobody'}`);
    },
  }),
  route({
    name: 'show-public',
    method: 'get',
    path: '/public',
    access: 'public',
    summary: 'A page for everybody',
    handle(_request, response) {
      response.send('hello');
    },
  }),
  route({
    name: 'show-releases',
    method: 'get',
    path: '/releases',
    access: 'role:release-manager',
    summary: 'Looking at releases',
    handle(_request, response) {
      response.send('releases');
    },
  }),
  route({
    name: 'show-me',
    method: 'get',
    path: '/api/v1/me',
    access: 'signed-in',
    summary: 'Who I am',
    handle(_request, response, { csrfToken, viewer }) {
      response.json({ csrfToken, viewer });
    },
  }),
  route({
    name: 'make-thing',
    method: 'post',
    path: '/things',
    access: 'signed-in',
    summary: 'Making a thing',
    body: Thing,
    handle(_request, response, _context, { name }) {
      response.redirect(303, `/things/${name}`);
    },
  }),
  route({
    name: 'make-thing-by-api',
    method: 'put',
    path: '/api/v1/things',
    access: 'signed-in',
    summary: 'Making a thing',
    body: Thing,
    handle(_request, response, _context, { name }) {
      response.json({ name });
    },
  }),
  route({
    name: 'show-fault',
    method: 'get',
    path: '/fault',
    access: 'public',
    summary: 'A fault',
    handle() {
      throw new Error('column "pin" of /var/lib/secret does not exist');
    },
  }),
  route({
    name: 'show-conflict',
    method: 'get',
    path: '/conflict',
    access: 'public',
    summary: 'A refusal by a use case',
    handle() {
      throw new UseCaseError('taken', 'mira decided while you were reading');
    },
  }),
  route({
    name: 'follow-changes',
    method: 'get',
    path: '/events',
    access: 'signed-in',
    summary: 'Changes as they happen',
    handle(request, response) {
      openEventStream(request, response).send('change', { text: 'line\nline' }, '7');
    },
  }),
  route({
    name: 'receive-hook',
    method: 'post',
    path: '/hooks/push',
    access: 'public',
    summary: 'A webhook',
    machine: true,
    handle(request, response, { viewer }) {
      response.json({ raw: Buffer.isBuffer(request.body), body: String(request.body), viewer });
    },
  }),
];

const roleOfGroup: Readonly<Record<string, string>> = {
  'release-managers': 'release-manager',
  developers: 'developer',
};

export async function startTestService(options: {
  readonly service: 'nonprod' | 'gate';
  readonly port: number;
  readonly sessions: SessionStore;
  readonly saml: {
    readonly entityId: string;
    readonly idp: {
      readonly entityId: string;
      readonly signInUrl: string;
      readonly certificatePem: string;
    };
    readonly keyPem: string;
    readonly certificatePem: string;
  };
}): Promise<TestService> {
  const { port, saml } = options;
  const directory = mkdtempSync(join(tmpdir(), 'airlock-web-'));
  const write = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text, { mode: 0o600 });
    return join(directory, name);
  };
  const assetsDirectory = join(directory, 'assets');
  mkdirSync(assetsDirectory);
  const names = ['style.css', 'passkey.js', 'live.js', 'keys.js', 'log.js'];
  const icons = ['favicon-gate.svg', 'favicon-nonprod.svg'];
  for (const name of names) write(`assets/${name}`, '');
  write(
    'assets/manifest.json',
    JSON.stringify(Object.fromEntries([...names, ...icons].map((name) => [name, name]))),
  );

  const logged: { level: string; event: string; fields: LogFields }[] = [];
  const collect =
    (level: string) =>
    (event: string, fields: LogFields = {}): void => {
      logged.push({ level, event, fields });
    };
  const log: Log = {
    debug: collect('debug'),
    info: collect('info'),
    warn: collect('warn'),
    error: collect('error'),
  };

  const server = await createWebServer({
    service: options.service,
    origin: `http://${options.service}.localhost:${port}`,
    listen: { host: '127.0.0.1', port },
    securityContact: { contacts: ['mailto:security@company.example'] },
    log,
    routes,
    assetsDirectory,
    sessions: options.sessions,
    saml: {
      entityId: saml.entityId,
      idp: {
        entityId: saml.idp.entityId,
        signInUrl: saml.idp.signInUrl,
        certificateFile: write('idp.pem', saml.idp.certificatePem),
      },
      keyFile: write('saml.key', saml.keyPem),
      certificateFile: write('saml.pem', saml.certificatePem),
    },
    nav: [{ href: '/', label: 'Home' }],
    build: { version: '0.0.0', commit: null, digest: null },
    footer: () => Promise.resolve([]),
    resolveViewer: ({ nameId, idp, displayName, groups }) => {
      const roles = groups.flatMap((group) => roleOfGroup[group] ?? []);
      const id = nameId.replace(/@.*$/, '');
      return Promise.resolve(
        roles.length === 0 ? null : { id, name: displayName, nameId, idp, groups, roles },
      );
    },
    groupForRole: (role) =>
      Object.keys(roleOfGroup).find((group) => roleOfGroup[group] === role) ?? role,
    translateError: (error) =>
      error instanceof UseCaseError ? new HttpError('conflict', error.message) : null,
  });
  return {
    ...server,
    logged,
    async close() {
      await server.close();
      rmSync(directory, { recursive: true });
    },
  };
}
