/** A small OAuth 2.0 server as GitHub or Bitbucket is one: exact redirect, PKCE (RFC 7636), codes that are good once. */
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

export interface ForgeAccounts {
  readonly url: string;
  /** Signs in there and agrees: where the browser is sent back to. */
  agree(authorizeUrl: string, user: object): string;
  close(): Promise<void>;
}

export const client = { id: 'airlock-client', secret: 'a-secret-of-the-client' };

export async function startForgeAccounts(
  kind: 'github' | 'bitbucket',
  redirectUri: string,
): Promise<ForgeAccounts> {
  const codes = new Map<string, { challenge: string; user: object }>();
  const tokens = new Map<string, object>();
  const paths = { github: '/login/oauth/access_token', bitbucket: '/site/oauth2/access_token' };
  const server = createServer((request, response) => {
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    void text(request).then((body) => {
      const form = new URLSearchParams(body);
      const [scheme = '', credentials = ''] = (request.headers.authorization ?? '').split(' ');
      if (request.url === '/api/user') {
        const user = scheme === 'Bearer' ? tokens.get(credentials) : undefined;
        answer(user === undefined ? 401 : 200, user ?? {});
        return;
      }
      const given =
        kind === 'github'
          ? `${form.get('client_id')}:${form.get('client_secret')}`
          : Buffer.from(credentials, 'base64').toString();
      const code = form.get('code') ?? '';
      const grant = codes.get(code);
      codes.delete(code);
      const challenge = createHash('sha256')
        .update(form.get('code_verifier') ?? '')
        .digest('base64url');
      const isGood =
        request.url === paths[kind] &&
        given === `${client.id}:${client.secret}` &&
        form.get('redirect_uri') === redirectUri &&
        grant?.challenge === challenge;
      // As GitHub does: 200, and an error inside.
      if (!isGood) {
        answer(kind === 'github' ? 200 : 400, { error: 'bad_verification_code' });
        return;
      }
      const token = randomBytes(20).toString('hex');
      tokens.set(token, grant.user);
      answer(200, { access_token: token, token_type: 'bearer' });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    agree(authorizeUrl, user) {
      const query = new URL(authorizeUrl).searchParams;
      if (query.get('redirect_uri') !== redirectUri) throw new Error('another redirect_uri');
      if (query.get('client_id') !== client.id) throw new Error('another client');
      if (query.get('code_challenge_method') !== 'S256') throw new Error('no PKCE');
      const code = randomBytes(10).toString('hex');
      codes.set(code, { challenge: query.get('code_challenge') ?? '', user });
      const state = query.get('state') ?? '';
      return `${redirectUri}?${new URLSearchParams({ code, state }).toString()}`;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
      }),
  };
}
