/**
 * A signed-in session at one of our two services, for the command line.
 *
 * Signing in is the same SAML exchange that a browser makes, at the identity provider built into the demo, which asks for a
 * name and no password. A real identity provider wants a browser: there the command line cannot sign in this way, and says so.
 */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { Problem } from '@airlock/common/wire/problem';
import { CliError, exitCode } from './exit-codes.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

export interface WebSession {
  readonly origin: string;
  readonly person: string;
  /** @throws CliError with the problem document's own words when the answer is not 2xx. */
  getJson(path: string): Promise<unknown>;
  postJson(path: string, body: unknown): Promise<unknown>;
  putJson(path: string, body: unknown): Promise<unknown>;
  getBytes(path: string): Promise<Buffer>;
  /** An answer that is read as it comes, such as server-sent events; whoever asked for it ends it. */
  openStream(path: string): Promise<Readable>;
}

const maxAnswerBytes = 64 * 1024 * 1024;

/** Cookies by host: two services of one browser must not see each other's. */
class CookieJar {
  readonly #byHost = new Map<string, Map<string, string>>();

  header(host: string): string {
    return [...(this.#byHost.get(host) ?? [])]
      .map(([name, value]) => `${name}=${value}`)
      .join('; ');
  }

  keep(host: string, setCookie: readonly string[]): void {
    const jar = this.#byHost.get(host) ?? new Map<string, string>();
    this.#byHost.set(host, jar);
    for (const line of setCookie) {
      const [pair = ''] = line.split(';');
      const at = pair.indexOf('=');
      const name = pair.slice(0, at).trim();
      const value = pair.slice(at + 1).trim();
      if (value === '' || /;\s*max-age=0/i.test(line)) jar.delete(name);
      else jar.set(name, value);
    }
  }
}

interface Outgoing {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** One request. `*.localhost` is loopback by RFC 6761, which the C library of many systems does not know. */
function send({ method, url, headers = {}, body }: Outgoing, jar: CookieJar): Promise<Answer> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        method,
        hostname: url.hostname.endsWith('.localhost') ? '127.0.0.1' : url.hostname,
        port: url.port,
        path: url.pathname + url.search,
        timeout: 20_000,
        headers: {
          host: url.host,
          cookie: jar.header(url.host),
          ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
          ...headers,
        },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        let size = 0;
        incoming.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > maxAnswerBytes) outgoing.destroy(new Error('answer larger than 64 MiB'));
          chunks.push(chunk);
        });
        incoming.on('error', reject);
        incoming.on('end', () => {
          jar.keep(url.host, incoming.headers['set-cookie'] ?? []);
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            body: Buffer.concat(chunks),
          });
        });
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 20 s')));
    outgoing.on('error', (error) => {
      // The server ended a kept connection just as it was used again; asking anew harms nothing.
      if (
        method === 'GET' &&
        outgoing.reusedSocket &&
        'code' in error &&
        error.code === 'ECONNRESET'
      ) {
        resolve(send({ method, url, headers }, jar));
        return;
      }
      reject(
        new CliError(
          exitCode.unreachable,
          `${url.origin} cannot be reached: ${error.message}. Is it running?`,
          { cause: error },
        ),
      );
    });
    outgoing.end(body);
  });
}

/** @throws CliError `error` when the answer is not 200. */
function openStream(
  url: URL,
  jar: CookieJar,
  credentials: Readonly<Record<string, string>>,
): Promise<Readable> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        hostname: url.hostname.endsWith('.localhost') ? '127.0.0.1' : url.hostname,
        port: url.port,
        path: url.pathname + url.search,
        headers: { host: url.host, cookie: jar.header(url.host), ...credentials },
      },
      (incoming) => {
        if (incoming.statusCode === 200) {
          resolve(incoming);
          return;
        }
        incoming.destroy();
        const words = `${url.origin}${url.pathname} answered ${String(incoming.statusCode)}`;
        reject(new CliError(exitCode.error, words));
      },
    );
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** One anonymous GET. */
export const fetchBytes = (url: URL): Promise<Answer> =>
  send({ method: 'GET', url }, new CookieJar());

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  '#39': "'",
  '#x27': "'",
};
const unescapeHtml = (text: string): string =>
  text.replace(/&(#?\w+);/g, (whole, name: string) => entities[name] ?? whole);

interface Form {
  readonly action: string;
  readonly fields: Readonly<Record<string, string>>;
}

const attribute = (tag: string, name: string): string | undefined => {
  const found = new RegExp(`\\b${name}="([^"]*)"`, 'i').exec(tag)?.[1];
  return found === undefined ? undefined : unescapeHtml(found);
};

/** Forms of a page with the values of their inputs and buttons, in order. */
function formsOf(html: string): Form[] {
  return [...html.matchAll(/<form\b[^>]*>([\s\S]*?)<\/form>/gi)].map(([whole, inner = '']) => ({
    action: attribute(whole.slice(0, whole.indexOf('>') + 1), 'action') ?? '',
    fields: Object.fromEntries(
      [...inner.matchAll(/<(?:input|button)\b[^>]*>/gi)].flatMap(([tag]) => {
        const name = attribute(tag, 'name');
        return name === undefined ? [] : [[name, attribute(tag, 'value') ?? '']];
      }),
    ),
  }));
}

/** @param site may lie below a path of its host. */
const addressAt = (site: string, path: string): URL => new URL(`${site.replace(/\/$/, '')}${path}`);

/**
 * Signs in at a service as one of the demo's people.
 *
 * @throws CliError `notAllowed` when the identity provider does not offer that person or wants more than a name.
 */
export async function signInToDemo(origin: string, person: string): Promise<WebSession> {
  const jar = new CookieJar();
  let url = addressAt(origin, '/auth/sign-in?returnTo=/livez');
  let answer = await send({ method: 'GET', url }, jar);
  for (let hop = 0; hop < 12; hop += 1) {
    if (answer.status >= 300 && answer.status < 400) {
      url = new URL(String(answer.headers['location']), url);
      answer = await send({ method: 'GET', url, headers: sameSite(url) }, jar);
      continue;
    }
    const html = answer.body.toString('utf8');
    if (answer.status !== 200) {
      throw new CliError(
        exitCode.notAllowed,
        `${url.origin} refused the sign-in (${answer.status}): ${textOf(html)}`,
      );
    }
    if (url.origin === new URL(origin).origin && !url.pathname.endsWith('/auth/saml/acs')) break;
    // The page that names people; the page that carries the response; the hop that lets a Strict cookie be set.
    const forms = formsOf(html);
    const form =
      forms.find(({ fields }) => fields['person'] === person) ??
      forms.find(({ fields }) => 'SAMLResponse' in fields);
    const link = /href="([^"]*\/auth\/finish[^"]*)"/.exec(html)?.[1];
    if (form !== undefined) {
      const next = new URL(form.action, url);
      const body = new URLSearchParams(form.fields).toString();
      answer = await send(
        {
          method: 'POST',
          url: next,
          body,
          headers: { 'content-type': 'application/x-www-form-urlencoded', origin: url.origin },
        },
        jar,
      );
      url = next;
    } else if (link !== undefined) {
      url = new URL(unescapeHtml(link), url);
      answer = await send({ method: 'GET', url, headers: sameSite(url) }, jar);
    } else {
      throw new CliError(
        exitCode.notAllowed,
        `the identity provider at ${url.origin} does not offer ${person} without a browser; the command line signs in to the demo only`,
      );
    }
  }
  return openSession(origin, person, jar);
}

const sameSite = (url: URL): Record<string, string> => ({
  'sec-fetch-site': 'same-origin',
  referer: url.origin,
});
const textOf = (html: string): string =>
  html
    .replace(/<(style|script)[\s\S]*?<\/\1>/gi, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 300);

/**
 * A session of a program with a token of its owner's (`/me/tokens` at nonprod); the gate takes none.
 *
 * @throws CliError `notAllowed` when the token is refused or is not for reading.
 */
export const sessionWithToken = (origin: string, token: string): Promise<WebSession> =>
  openSession(origin, 'token', new CookieJar(), { authorization: `Bearer ${token}` });

async function openSession(
  origin: string,
  person: string,
  jar: CookieJar,
  credentials: Readonly<Record<string, string>> = {},
): Promise<WebSession> {
  let csrfToken = '';
  const call = async (
    outgoing: Omit<Outgoing, 'url'> & { readonly path: string },
  ): Promise<Answer> => {
    const url = addressAt(origin, outgoing.path);
    const answer = await send(
      {
        ...outgoing,
        url,
        headers: { accept: 'application/json', ...credentials, ...outgoing.headers },
      },
      jar,
    );
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw problemOf(answer, url);
  };
  const sendJson = async (
    method: 'POST' | 'PUT',
    path: string,
    body: unknown,
  ): Promise<unknown> => {
    const { body: answer } = await call({
      ...{ method, path, body: JSON.stringify(body) },
      headers: {
        'content-type': 'application/json',
        'x-csrf-token': csrfToken,
        origin: new URL(origin).origin,
        'sec-fetch-site': 'same-origin',
      },
    });
    return answer.length === 0 ? null : (JSON.parse(answer.toString('utf8')) as unknown);
  };
  const session: WebSession = {
    origin,
    person,
    async getJson(path) {
      return JSON.parse((await call({ method: 'GET', path })).body.toString('utf8')) as unknown;
    },
    postJson: (path, body) => sendJson('POST', path, body),
    putJson: (path, body) => sendJson('PUT', path, body),
    async getBytes(path) {
      return (await call({ method: 'GET', path, headers: { accept: '*/*' } })).body;
    },
    openStream: (path) => openStream(addressAt(origin, path), jar, credentials),
  };
  const me = await session.getJson('/api/v1/me');
  if (
    typeof me === 'object' &&
    me !== null &&
    'csrfToken' in me &&
    typeof me.csrfToken === 'string'
  )
    csrfToken = me.csrfToken;
  return session;
}

function problemOf(answer: Answer, url: URL): CliError {
  const code =
    answer.status === 401 || answer.status === 403
      ? exitCode.notAllowed
      : answer.status === 409 || answer.status === 412
        ? exitCode.conflict
        : answer.status >= 500
          ? exitCode.unreachable
          : exitCode.error;
  let words = textOf(answer.body.toString('utf8'));
  try {
    const problem = Problem.parse(JSON.parse(answer.body.toString('utf8')));
    const groups = problem.needs?.map(({ group }) => group).join(', ');
    words = [
      `${problem.title}.`,
      problem.detail,
      groups === undefined ? undefined : `Missing: ${groups}.`,
      `(${[problem.code, ...(problem.codes ?? [])].join(', ')})`,
    ]
      .filter((part) => part !== undefined)
      .join(' ');
  } catch {
    // No problem document: the page's text says what happened.
  }
  return new CliError(code, `${url.pathname} answered ${answer.status}: ${words}`);
}
