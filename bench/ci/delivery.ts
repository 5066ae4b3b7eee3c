/** GitHub's push webhook, and sending it. */
import { createHmac, randomUUID } from 'node:crypto';
import { request, type Agent } from 'node:http';

export type Target = {
  readonly url: URL;
  readonly host: string;
  readonly secret: string;
  /** What a taken webhook is answered with. */
  readonly taken: number;
};

export type Delivery = {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
};

/** A push as GitHub sends it, of some 7.6 KB; of a commit that nobody knows unless one is given. */
export function delivery(
  { secret }: Pick<Target, 'secret'>,
  push: { readonly commit: string; readonly ref: string } = {
    commit: randomUUID().replaceAll('-', '').padEnd(40, '0'),
    ref: 'refs/heads/main',
  },
): Delivery {
  const { commit, ref } = push;
  const person = { name: 'dana', email: 'dana@example.com', username: 'dana' };
  const head = {
    id: commit,
    tree_id: commit,
    distinct: true,
    message: `VAT per line\n\n${'x'.repeat(2_900)}`,
    timestamp: '2026-11-22T10:00:00Z',
    url: `http://forge.example/shop/shop-api/commit/${commit}`,
    author: person,
    committer: person,
    added: [],
    removed: [],
    modified: ['src/tax.ts'],
  };
  const body = Buffer.from(
    JSON.stringify({
      ref,
      before: '0'.repeat(40),
      after: commit,
      repository: {
        id: 1,
        name: 'shop-api',
        full_name: 'shop/shop-api',
        html_url: 'http://forge.example/shop/shop-api',
        url: 'http://forge.example/shop/shop-api',
        default_branch: 'main',
        owner: person,
      },
      pusher: person,
      sender: { login: 'dana', id: 7 },
      commits: [head],
      head_commit: head,
    }),
  );
  const sign = (hash: string): string =>
    `${hash}=${createHmac(hash, secret).update(body).digest('hex')}`;
  return {
    body,
    headers: {
      'content-type': 'application/json',
      'content-length': String(body.length),
      'x-github-event': 'push',
      'x-github-delivery': randomUUID(),
      'x-hub-signature': sign('sha1'),
      'x-hub-signature-256': sign('sha256'),
    },
  };
}

/** Milliseconds until the target had taken it. @throws when it answers anything else. */
export function send(
  target: Target,
  agent: Agent | undefined,
  { headers, body }: Delivery,
): Promise<number> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const { hostname, port, pathname } = target.url;
    const outgoing = request(
      {
        ...{ agent, method: 'POST', hostname, port, path: pathname },
        headers: { host: target.host, ...headers },
      },
      (incoming) => {
        incoming.resume();
        incoming.on('end', () => {
          if (incoming.statusCode === target.taken) resolve(performance.now() - began);
          else reject(new Error(`${target.url.href} answered ${String(incoming.statusCode)}`));
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
