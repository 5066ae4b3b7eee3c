/** The pages and the API of nonprod, knocked at by somebody who is not signed in or has less than they ask for. */
import { z } from 'zod';
import { signedIn } from '../signed-in.ts';
import { all, type Drill, type Way } from './drill.ts';
import { knock } from './knock.ts';
import { scan } from './scan.ts';

const closed = (status: number): boolean => status >= 300 && status < 500;

/** Header values by which some proxies say who is signed in, and some services believe whoever sends them. */
const spoofed: readonly Readonly<Record<string, string>>[] = [
  { 'x-forwarded-user': 'oke' },
  { 'x-remote-user': 'oke' },
  { 'remote-user': 'oke' },
  { 'x-auth-request-user': 'oke', 'x-auth-request-groups': 'platform' },
  { 'x-forwarded-email': 'oke@demo.airlock.example' },
  { 'x-webauth-user': 'oke' },
  { 'x-ssl-client-verify': 'SUCCESS', 'x-ssl-client-s-dn': 'CN=oke' },
  { 'x-forwarded-for': '127.0.0.1', 'x-real-ip': '127.0.0.1' },
  { forwarded: 'for=127.0.0.1;host=nonprod.localhost;proto=https' },
  { authorization: 'Basic b2tlOm9rZQ==' },
  { authorization: 'Bearer undefined' },
  { cookie: 'session=oke; __Host-session=oke; user=oke' },
];

const headerSpoof: Drill = {
  id: 'header-spoof',
  controls: ['B28', 'V42'],
  attacker: 'outsider',
  attack: 'says by headers of proxies to be signed in',
  async run({ nonprod }) {
    const ways: Way[] = [];
    for (const headers of spoofed) {
      const { status } = await knock(nonprod, {
        path: '/api/v1/me',
        headers: { accept: 'application/json', ...headers },
      });
      ways.push({
        way: Object.keys(headers).join('+'),
        held: status === 401,
        answer: String(status),
      });
    }
    return all(ways);
  },
};

const Runs = z.object({ runs: z.array(z.looseObject({ id: z.string() })) });

const anonymousArtifact: Drill = {
  id: 'anonymous-artifact',
  controls: ['V32'],
  attacker: 'outsider',
  attack: 'asks for runs, logs, candidates and secrets without a session',
  async run({ nonprod }) {
    const dana = await signedIn(nonprod, 'dana');
    const { runs } = Runs.parse(await dana.getJson('/api/v1/runs'));
    const id = runs[0]?.id;
    if (id === undefined) throw new Error('there is no run yet whose log could be asked for');
    // It is there: who is signed in gets it.
    await dana.getJson(`/api/v1/runs/${id}`);
    const ways: Way[] = [];
    for (const path of [
      '/api/v1/runs',
      `/api/v1/runs/${id}`,
      `/api/v1/runs/${id}/lines`,
      `/runs/${id}`,
      `/runs/${id}/log.txt`,
      `/runs/${id}/lines`,
      '/api/v1/candidates',
      '/api/v1/secrets',
      '/api/v1/runners',
      '/api/v1/pools',
      '/api/v1/webhooks',
      '/secrets',
      '/runners',
    ]) {
      const { status, text } = await knock(nonprod, { path });
      const held = closed(status) && !text.includes('shop-api');
      ways.push({ way: path.replace(id, ':id'), held, answer: String(status) });
    }
    return all(ways);
  },
};

const traversals = [
  '/../../../../../../etc/passwd',
  '/assets/../../../../../../etc/passwd',
  '/assets/..%2f..%2f..%2f..%2f..%2fetc%2fpasswd',
  '/assets/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd',
  '/assets/..%252f..%252f..%252fetc%252fpasswd',
  '/assets/....//....//....//etc/passwd',
  '/assets/..\\..\\..\\etc\\passwd',
  '/assets/..%5c..%5c..%5cetc%5cpasswd',
  '/assets/%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd',
  '/assets//etc/passwd',
  '/assets/%00/etc/passwd',
  '/assets/',
  '/runs/../../../../etc/passwd/log.txt',
  '/runs/..%2f..%2fetc%2fpasswd/log.txt',
  '/hooks/git/../../etc/passwd',
  '/schemas/../../../etc/passwd',
  '/.git/config',
  '/.env',
];

const pathTraversal: Drill = {
  id: 'path-traversal',
  controls: ['V32'],
  attacker: 'outsider',
  attack: 'climbs out of every directory that is served',
  async run({ nonprod }) {
    const ways: Way[] = [];
    for (const path of traversals) {
      const { status, text } = await knock(nonprod, { path });
      const held = closed(status) && !/root:.*:0:0:|\[core\]|<a href="\.\.\/"/.test(text);
      ways.push({ way: path, held, answer: String(status) });
    }
    return all(ways);
  },
};

const Made = z.object({ id: z.string(), token: z.string() });

const tokenOverScope: Drill = {
  id: 'token-over-scope',
  controls: ['B31'],
  attacker: 'member',
  attack: 'asks with a token for reading for what it is not for, here and at the gate',
  async run({ nonprod, gate }) {
    const oke = await signedIn(nonprod, 'oke');
    const wish = { name: 'drill token-over-scope', scopes: ['read'], days: 1, networks: [] };
    const { id, token } = Made.parse(await oke.postJson('/api/v1/tokens', wish));
    try {
      const authorization = `Bearer ${token}`;
      const read = await knock(nonprod, { path: '/api/v1/runs', headers: { authorization } });
      const ways: Way[] = [
        { way: 'reading', held: read.status === 200, answer: `${read.status} (what it is for)` },
      ];
      const wanted = [
        [
          'POST',
          '/api/v1/secrets',
          { name: 'DRILL', value: 'x'.repeat(20), description: '', lowValue: true },
        ],
        ['POST', '/api/v1/tokens', { ...wish, scopes: ['admin'] }],
        ['POST', '/api/v1/runners/tokens', { pool: 'default', runner: null, once: true }],
        ['PUT', '/api/v1/pools/default', {}],
        [
          'POST',
          '/api/v1/runs',
          { repository: 'shop/shop-api', ref: 'refs/heads/main', answers: {} },
        ],
      ] as const;
      for (const [method, path, body] of wanted) {
        const { status } = await knock(nonprod, {
          ...{ method, path, body: JSON.stringify(body) },
          headers: { authorization, 'content-type': 'application/json', origin: nonprod },
        });
        ways.push({
          way: `${method} ${path}`,
          held: [401, 403].includes(status),
          answer: String(status),
        });
      }
      const atGate = await knock(gate, {
        path: '/api/v1/me',
        headers: { authorization, accept: 'application/json' },
      });
      ways.push({
        ...{ way: 'signing in at the gate', held: atGate.status === 401 },
        answer: String(atGate.status),
      });
      return all(ways);
    } finally {
      await oke.postJson(`/api/v1/tokens/${id}/revoke`, {});
    }
  },
};

export const webDrills: readonly Drill[] = [
  scan,
  headerSpoof,
  anonymousArtifact,
  pathTraversal,
  tokenOverScope,
];
