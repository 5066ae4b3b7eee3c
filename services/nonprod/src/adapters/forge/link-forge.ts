/** Asks a forge whose account somebody signed in to. Its token is used for that one question and forgotten. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { LinkError } from '../../app/link-error.ts';
import type { LinkForge, LinkProvider } from '../../app/people-ports.ts';
import type { LinkForgeSettings } from '../../people-config.ts';
import { readTokenFile } from './token-file.ts';

const timeoutMs = 10_000;
const maxBytes = 256 * 1024;

const Token = z.object({ access_token: z.string().regex(/^[\x21-\x7e]{1,4096}$/) });

interface Dialect {
  readonly authorize: string;
  readonly token: string;
  readonly Account: z.ZodType<{ readonly account: string; readonly name: string }>;
}

const Name = z.string().min(1).max(255);

/** The numeric id (docs.github.com, "Get the authenticated user"), the uuid (Bitbucket's REST API 2.0, `/user`). */
const dialects: Readonly<Record<LinkProvider, Dialect>> = {
  github: {
    authorize: '/login/oauth/authorize',
    token: '/login/oauth/access_token',
    Account: z
      .object({ id: z.int().positive(), login: Name })
      .transform(({ id, login }) => ({ account: String(id), name: login })),
  },
  bitbucket: {
    authorize: '/site/oauth2/authorize',
    token: '/site/oauth2/access_token',
    Account: z
      .object({
        uuid: z.string().regex(/^\{[0-9a-f-]{36}\}$/),
        nickname: Name.optional(),
        display_name: Name,
      })
      .transform(({ uuid, nickname, display_name: shown }) => ({
        account: uuid,
        name: nickname ?? shown,
      })),
  },
};

/**
 * @param origin of this service: the forge sends browsers back to exactly `<origin>/me/accounts/<host>/callback`.
 * @throws ConfigurationError when the client's secret cannot be read.
 */
export function createLinkForge(settings: LinkForgeSettings, origin: string): LinkForge {
  const { provider, host, site, api, clientId } = settings;
  const clientSecret = readTokenFile(
    'accountLinks.clientSecretFile',
    settings.clientSecretFile,
    'secret',
  );
  const { authorize, token, Account } = dialects[provider];
  const redirectUri = `${origin}/me/accounts/${host}/callback`;
  return {
    host,
    provider,

    authorizeUrl({ state, verifier }) {
      const query = new URLSearchParams({
        response_type: 'code',
        client_id: clientId,
        redirect_uri: redirectUri,
        state,
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
      });
      return `${site}${authorize}?${query.toString()}`;
    },

    async accountOf({ code, verifier }) {
      const form = new URLSearchParams({
        grant_type: 'authorization_code',
        ...{ code, code_verifier: verifier, redirect_uri: redirectUri },
      });
      const basic = Buffer.from(`${clientId}:${clientSecret}`).toString('base64');
      // GitHub documents its client's secret in the form, Bitbucket in the header (RFC 6749, section 2.3.1).
      const isInForm = provider === 'github';
      if (isInForm) {
        form.set('client_id', clientId);
        form.set('client_secret', clientSecret);
      }
      const granted = await ask(`${site}${token}`, Token, {
        method: 'POST',
        headers: isInForm ? {} : { authorization: `Basic ${basic}` },
        body: form,
      });
      const found = await ask(`${api}/user`, Account, {
        headers: { authorization: `Bearer ${granted.access_token}` },
      });
      return { provider, host, ...found };
    },
  };
}

interface Asked {
  readonly method?: 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: URLSearchParams;
}

/** @throws LinkError */
async function ask<T>(url: string, shape: z.ZodType<T>, init: Asked): Promise<T> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      ...init,
      // Whoever answers with another address gets neither secret nor code there.
      redirect: 'manual',
      headers: { accept: 'application/json', 'user-agent': 'airlock', ...init.headers },
      signal: AbortSignal.timeout(timeoutMs),
    });
    text = await boundedText(response);
  } catch (cause) {
    throw new LinkError('forge-away', `${url} does not answer; try again later`, { cause });
  }
  const parsed = shape.safeParse(jsonOf(text));
  // GitHub says 200 of a code that it refuses; what counts is what is in it.
  if (response.ok && parsed.success) return parsed.data;
  throw new LinkError(
    'forge-refused',
    `${url} answers ${response.status} and vouches for no account; begin the linking again`,
  );
}

/** Answers are a few kilobytes; more is no answer of a forge. */
async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = response.body?.getReader();
  while (reader !== undefined) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > maxBytes) {
      await reader.cancel();
      break;
    }
    chunks.push(value);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
