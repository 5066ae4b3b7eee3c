/**
 * As much of a browser as the edge of a service relies on: cookies with SameSite and `__Host-`, the headers that a page
 * cannot set (Origin, Sec-Fetch-Site), and no redirect followed unasked. `*.localhost` is loopback.
 */
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';

export interface BrowserAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface BrowserRequest {
  readonly method?: string;
  /** Origin of the page that makes the request; null for a typed address. Default: the page's own site. */
  readonly from?: string | null;
  /** Beside or instead of the browser's own; an empty value takes a header out. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly form?: Readonly<Record<string, string>> | string;
  readonly json?: unknown;
}

interface Cookie {
  readonly value: string;
  readonly sameSite: 'strict' | 'lax' | 'none';
}

export interface Browser {
  send(url: string | URL, request?: BrowserRequest): Promise<BrowserAnswer>;
  cookie(url: string | URL, name: string): string | undefined;
  setCookie(url: string | URL, name: string, value: string): void;
}

/**
 * @param localAddress which loopback address the connections come from (127.0.0.0/8), for what is counted by address.
 */
export function createBrowser(localAddress = '127.0.0.1'): Browser {
  const jars = new Map<string, Map<string, Cookie>>();
  const jarOf = (url: string | URL): Map<string, Cookie> => {
    const { host } = new URL(url);
    const jar = jars.get(host) ?? new Map<string, Cookie>();
    jars.set(host, jar);
    return jar;
  };

  return {
    cookie: (url, name) => jarOf(url).get(name)?.value,
    setCookie(url, name, value) {
      jarOf(url).set(name, { value, sameSite: 'strict' });
    },

    send(address, { method, from, headers = {}, form, json } = {}) {
      const url = new URL(address);
      const origin = from === undefined ? url.origin : from;
      const crossSite = origin !== null && origin !== url.origin;
      const verb = method ?? (form === undefined && json === undefined ? 'GET' : 'POST');
      const cookies = [...jarOf(url)].filter(
        ([, { sameSite }]) =>
          !crossSite || sameSite === 'none' || (sameSite === 'lax' && verb === 'GET'),
      );
      const [body, type] =
        json !== undefined
          ? [JSON.stringify(json), 'application/json']
          : typeof form === 'string'
            ? [form, 'application/x-www-form-urlencoded']
            : form !== undefined
              ? [new URLSearchParams(form).toString(), 'application/x-www-form-urlencoded']
              : [undefined, undefined];
      return new Promise((resolve, reject) => {
        const outgoing = httpRequest(
          {
            method: verb,
            host: '127.0.0.1',
            localAddress,
            port: url.port,
            path: url.pathname + url.search,
            timeout: 20_000,
            headers: present({
              host: url.host,
              accept: 'text/html,application/xhtml+xml',
              'sec-fetch-site': origin === null ? 'none' : crossSite ? 'cross-site' : 'same-origin',
              ...(cookies.length === 0
                ? {}
                : { cookie: cookies.map(([name, { value }]) => `${name}=${value}`).join('; ') }),
              ...(verb === 'GET' || origin === null ? {} : { origin }),
              ...(type === undefined ? {} : { 'content-type': type }),
              ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
              ...headers,
            }),
          },
          (incoming) => {
            let text = '';
            incoming.setEncoding('utf8');
            incoming.on('data', (chunk: string) => (text += chunk));
            incoming.on('error', reject);
            incoming.on('end', () => {
              for (const line of incoming.headers['set-cookie'] ?? []) keep(jarOf(url), line);
              resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: text });
            });
          },
        );
        outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer from ${url.href}`)));
        outgoing.on('error', reject);
        outgoing.end(body);
      });
    },
  };
}

const present = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== ''));

function keep(jar: Map<string, Cookie>, line: string): void {
  const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
  const name = pair.slice(0, pair.indexOf('='));
  const flags = new Map(
    attributes.map((attribute) => {
      const [key = '', value = ''] = attribute.toLowerCase().split('=');
      return [key, value] as const;
    }),
  );
  // RFC 6265bis, 4.1.3.2: a browser drops what does not keep the prefix's promise.
  if (
    name.startsWith('__Host-') &&
    !(flags.has('secure') && flags.get('path') === '/' && !flags.has('domain'))
  )
    return;
  if (flags.get('max-age') === '0') {
    jar.delete(name);
    return;
  }
  const sameSite = flags.get('samesite');
  jar.set(name, {
    value: pair.slice(name.length + 1),
    sameSite: sameSite === 'strict' || sameSite === 'none' ? sameSite : 'lax',
  });
}

/** The forms of a page with their hidden fields and named buttons, as our own pages write them. */
export function formsOf(html: string): { action: string; fields: Record<string, string> }[] {
  return [...html.matchAll(/<form\b[^>]*>[\s\S]*?<\/form>/g)].map(([form]) => ({
    action: attribute(form, 'action'),
    fields: Object.fromEntries(
      [...form.matchAll(/<(?:input|button)\b[^>]*\bname="[^>]*>/g)].map(([tag]) => [
        attribute(tag, 'name'),
        attribute(tag, 'value'),
      ]),
    ),
  }));
}

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  '#39': "'",
};

/** The first attribute of that name in a piece of HTML; empty when there is none. */
export function attribute(html: string, name: string): string {
  const found = new RegExp(`\\b${name}="([^"]*)"`).exec(html)?.[1] ?? '';
  return found.replace(/&(#?\w+);/g, (whole, entity: string) => entities[entity] ?? whole);
}

/** Goes through the whole sign-in at the built-in identity provider, and gives the last answer. */
export async function signIn(
  browser: Browser,
  origin: string,
  person: string,
  returnTo = '/',
): Promise<BrowserAnswer> {
  const begun = await browser.send(
    `${origin}/auth/sign-in?returnTo=${encodeURIComponent(returnTo)}`,
  );
  const choice = await browser.send(begun.headers.location ?? '', { from: origin });
  const idp = new URL(begun.headers.location ?? '').origin;
  const form = formsOf(choice.body).find(({ fields }) => fields['person'] === person);
  if (form === undefined) throw new Error(`the identity provider does not offer ${person}`);
  const posted = await browser.send(new URL(form.action, idp), { form: form.fields });
  const [answer] = formsOf(posted.body);
  if (answer === undefined) throw new Error('the identity provider gave no response to post');
  const hop = await browser.send(answer.action, { from: idp, form: answer.fields });
  if (hop.status !== 200) return hop;
  return browser.send(new URL(attribute(hop.body.slice(hop.body.indexOf('<a ')), 'href'), origin));
}
