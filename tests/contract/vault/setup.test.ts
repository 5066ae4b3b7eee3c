/** `airlock vault setup`: what is planned is made once, what differs is seen, and what was widened by hand is found. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import http, { createServer } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { applyVaultSetup } from '@airlock/cli/vault/apply';
import { checkVaultSetup } from '@airlock/cli/vault/check';
import { compareVaultSetup } from '@airlock/cli/vault/compare';
import { productionPostgresSetup } from '@airlock/cli/vault/postgres';
import { planVaultSetup, type VaultSetup } from '@airlock/cli/vault/setup';
import type { VaultTarget } from '@airlock/cli/vault/targets';
import { Secret } from '@airlock/common/secret';
import { testPostgres } from '@airlock/testkit/stack';
import pg from 'pg';
import { dropProduction, type Production } from './production.ts';
import { vaultServers } from './servers.ts';
import { openWorkspace, type Workspace } from './workspace.ts';

const pem = (): string =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .publicKey.export({ type: 'spki', format: 'pem' })
    .toString();

for (const server of vaultServers()) {
  describe(`set-up on ${server.name}`, () => {
    const run = randomBytes(3).toString('hex');
    const writes: string[] = [];
    let workspace: Workspace;
    let setup: VaultSetup;
    let access: { address: string; token: string };
    let proxy: ReturnType<typeof createServer>;

    before(async () => {
      workspace = openWorkspace(await server.start());
      const { address, rootToken } = workspace.vault;
      proxy = createServer((incoming, outgoing) => {
        if (incoming.method !== 'GET') writes.push(`${incoming.method} ${incoming.url}`);
        const { request } = address.startsWith('https:') ? https : http;
        const forwarded = request(`${address}${incoming.url}`, {
          method: incoming.method,
          headers: incoming.headers,
        });
        forwarded.on('response', (answer) => {
          outgoing.writeHead(answer.statusCode ?? 0, answer.headers);
          answer.pipe(outgoing);
        });
        incoming.pipe(forwarded);
      });
      await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
      // A listening TCP server has an address of this form.
      const { port } = proxy.address() as AddressInfo;
      access = { address: `http://127.0.0.1:${port}`, token: rootToken };
      setup = {
        targets: [await everyKind('eu'), await everyKind('us')],
        reaper: { roleName: `reaper-${run}` },
        issuer: 'https://gate.setup.airlock.example',
        authorityPublicKeyPem: [pem(), pem()],
      };
    });
    after(async () => {
      const calls = planVaultSetup(setup);
      for (const { path } of calls.toReversed()) {
        if (!path.startsWith('sys/auth/approle')) await workspace.asRoot('DELETE', path);
      }
      // Made by a person in earnest, and so no part of the plan.
      await workspace.asRoot('DELETE', `sys/mounts/kv-${run}`);
      proxy.close();
      await workspace.close();
      for (const each of production) await dropProduction(each);
    });

    const production: Production[] = [];
    async function everyKind(name: string): Promise<VaultTarget> {
      const postgres = await testPostgres();
      const database = await postgres.createDatabase();
      const { host, port, user, password } = postgres;
      const owner = {
        vaultAdmin: `vault_s_${name}_${run}`,
        appOwner: `owner_s_${name}_${run}`,
        password: randomBytes(9).toString('hex'),
        database,
      };
      production.push(owner);
      const admin = new pg.Client({ host, port, user, password, database });
      await admin.connect();
      for (const statement of productionPostgresSetup(owner)) await admin.query(statement);
      await admin.end();
      const { appOwner, vaultAdmin: username } = owner;
      return {
        target: `every-${name}-${run}`,
        jwtMount: `jwt-every-${name}-${run}`,
        jwtRole: 'deliver',
        ttlSeconds: 120,
        reads: [
          { as: 'db', kind: 'database', mount: `database-${run}`, role: name },
          { as: 'host', kind: 'ssh', mount: `ssh-${run}`, role: name, principals: ['deploy'] },
          { as: 'client', kind: 'pki', mount: `pki-${run}`, role: name, commonName: 'a.example' },
          { as: 'api', kind: 'kv', mount: `kv-${run}`, path: `prod/${name}`, field: 'token' },
        ],
        connections: {
          db: { host, port, database, username, password: new Secret(owner.password), appOwner },
        },
      };
    }

    const faults = async () =>
      (await checkVaultSetup(access, setup)).filter(({ result }) => result === 'fault');
    const planned = (what: RegExp) => {
      const call = planVaultSetup(setup).find((each) => what.test(each.what));
      assert.ok(call, String(what));
      return call;
    };

    test('nothing is there at first, and the first run writes every call in its order', async () => {
      const calls = planVaultSetup(setup);
      const compared = await compareVaultSetup(access, calls);
      assert.deepEqual(writes, []);
      const states = compared.map(({ call, state }) => `${call.path}: ${state}`);
      const shared = new Set(['sys/auth/approle']);
      assert.deepEqual(
        states.filter(
          (line) => !line.endsWith(': absent') && !shared.has(line.split(':')[0] ?? ''),
        ),
        [],
      );
      // The check of an empty server says what is missing, and ends with that.
      const missing = (await faults()).map(({ what }) => what);
      assert.ok(
        compared.every(({ call, state }) => state !== 'absent' || missing.includes(call.what)),
      );
      writes.length = 0;
      await applyVaultSetup({ ...access, calls });
      const expected = compared
        .filter(({ state }) => state === 'absent')
        .map(({ call }) => `${call.method} /v1/${call.path}`);
      assert.deepEqual(writes, expected);
    });

    test('the second run finds all as planned and writes nothing', async () => {
      writes.length = 0;
      const compared = await applyVaultSetup({ ...access, calls: planVaultSetup(setup) });
      assert.deepEqual(
        compared.filter(({ state }) => state !== 'unchanged'),
        [],
      );
      assert.deepEqual(writes, []);
    });

    test('a password is written anew when asked, and nothing else is', async () => {
      writes.length = 0;
      await applyVaultSetup({ ...access, calls: planVaultSetup(setup), rewriteSecrets: true });
      assert.deepEqual(writes, [
        `POST /v1/database-${run}/config/eu`,
        `POST /v1/database-${run}/config/us`,
      ]);
    });

    test('a database whose connection is not given is compared, and refused where it had to be written', async () => {
      const [first, ...rest] = setup.targets;
      assert.ok(first !== undefined);
      const calls = planVaultSetup({ ...setup, targets: [{ ...first, connections: {} }, ...rest] });
      writes.length = 0;
      await applyVaultSetup({ ...access, calls });
      assert.deepEqual(writes, []);
      await workspace.asRoot('DELETE', `database-${run}/roles/eu`);
      await assert.rejects(applyVaultSetup({ ...access, calls }), {
        code: 'vault-setup-invalid',
        message: new RegExp(`every-eu-${run}/db=FILE`),
      });
      assert.deepEqual(writes, []);
      await applyVaultSetup({ ...access, calls: planVaultSetup(setup) });
    });

    test('what people have to prepare is a fault until they did', async () => {
      const what = (await faults()).map((finding) => finding.what);
      assert.deepEqual(what, [
        `certificate authority of pki-${run}`,
        `secret kv-${run}/prod/eu`,
        `secret kv-${run}/prod/us`,
      ]);
      await workspace.asRoot('POST', `pki-${run}/root/generate/internal`, {
        common_name: 'test',
        key_type: 'ec',
      });
      await workspace.asRoot('POST', `sys/mounts/kv-${run}`, {
        type: 'kv',
        options: { version: '2' },
      });
      for (const name of ['eu', 'us']) {
        for (let look = 0; look < 50; look += 1) {
          const { status } = await workspace.asRoot('POST', `kv-${run}/data/prod/${name}`, {
            data: { token: 'x' },
          });
          if (status === 200) break;
        }
      }
      assert.deepEqual(await faults(), []);
    });

    test('a check leaves no token behind and changes nothing of the plan', async () => {
      writes.length = 0;
      await checkVaultSetup(access, setup);
      assert.deepEqual(
        writes.filter((line) => !/\/v1\/(?:auth|sys\/capabilities)/.test(line)),
        [],
      );
      const made = writes.filter((line) => line.endsWith('/auth/token/create')).length;
      const ended = writes.filter((line) => line.endsWith('/auth/token/revoke-accessor')).length;
      assert.equal(made, setup.targets.length + 1);
      assert.equal(ended, made);
    });

    const widened: Record<
      string,
      { call: RegExp; change: (body: Record<string, unknown>) => Record<string, unknown> }
    > = {
      'a target’s policy that reads another target’s credential': {
        call: /^policy airlock-target-every-eu/,
        change: ({ policy }) => withRule(policy, `database-${run}/creds/us`, ['read']),
      },
      'a target’s policy with a pattern': {
        call: /^policy airlock-target-every-eu/,
        change: ({ policy }) => withRule(policy, 'auth/token/*', ['create', 'update']),
      },
      'a reaper that may read a credential': {
        call: /^policy airlock-reaper/,
        change: ({ policy }) => withRule(policy, `database-${run}/creds/+`, ['read']),
      },
      'a reaper that may revoke less': {
        call: /^policy airlock-reaper/,
        change: ({ policy }) => withRule(policy, 'sys/leases/revoke', ['deny']),
      },
      'a login role for another audience': {
        call: /^login role deliver of auth\/jwt-every-eu/,
        change: (body) => ({ ...body, bound_audiences: ['anybody'] }),
      },
      'a login role with one more policy': {
        call: /^login role deliver of auth\/jwt-every-eu/,
        change: (body) => ({
          ...body,
          token_policies: [body['token_policies'], 'root-ish'].flat(),
        }),
      },
      'a login role whose tokens live longer': {
        call: /^login role deliver of auth\/jwt-every-eu/,
        change: (body) => ({ ...body, token_explicit_max_ttl: 86_400 }),
      },
      'a third key that may sign': {
        call: /^who may sign logins at auth\/jwt-every-eu/,
        change: (body) => ({
          ...body,
          jwt_validation_pubkeys: [body['jwt_validation_pubkeys'], pem()].flat(),
        }),
      },
      'a connection that serves another role': {
        call: /^connection eu/,
        change: (body) => ({ ...body, allowed_roles: ['*'] }),
      },
      'an SSH role that signs for root': {
        call: /^SSH role eu/,
        change: (body) => ({ ...body, allowed_users: 'deploy,root' }),
      },
      'a PKI role that signs any name': {
        call: /^PKI role eu/,
        change: (body) => ({ ...body, allow_any_name: true }),
      },
    };
    for (const [what, { call: pattern, change }] of Object.entries(widened)) {
      test(`a check finds ${what}, and the next run sets it back`, async () => {
        const call = planned(pattern);
        const body = { ...call.body, ...secretOf(call) };
        const changed = await workspace.asRoot(call.method, call.path, change(body));
        assert.ok(changed.status < 300, changed.errors);
        const found = (await faults()).map((finding) => finding.what);
        assert.ok(found.includes(call.what), `found: ${found.join(', ')}`);
        writes.length = 0;
        await applyVaultSetup({ ...access, calls: planVaultSetup(setup) });
        assert.deepEqual(writes, [`${call.method} /v1/${call.path}`]);
        assert.deepEqual(await faults(), []);
      });
    }

    test('a check finds a second role at a target’s login mount', async () => {
      const mount = `auth/jwt-every-eu-${run}`;
      const { body } = planned(/^login role deliver of auth\/jwt-every-eu/);
      await workspace.asRoot('POST', `${mount}/role/loose`, body);
      const [fault, ...others] = await faults();
      assert.equal(fault?.what, `roles of ${mount}`);
      assert.match(fault.detail, /^loose beside deliver/);
      assert.deepEqual(others, []);
      await workspace.asRoot('DELETE', `${mount}/role/loose`);
    });

    test('a mount of another type is an error that is found before anything is written', async () => {
      const taken = `taken-${run}`;
      await workspace.asRoot('POST', `sys/mounts/${taken}`, { type: 'transit' });
      const [first] = setup.targets;
      assert.ok(first !== undefined);
      const target: VaultTarget = {
        ...first,
        target: `other-${run}`,
        jwtMount: `jwt-other-${run}`,
        reads: [{ as: 'host', kind: 'ssh', mount: taken, role: 'x', principals: ['deploy'] }],
      };
      writes.length = 0;
      const calls = planVaultSetup({ ...setup, targets: [target] });
      await assert.rejects(applyVaultSetup({ ...access, calls }), {
        code: 'vault-setup-conflict',
        message: new RegExp(`${taken} is of type transit`),
      });
      assert.deepEqual(writes, []);
      await workspace.asRoot('DELETE', `sys/mounts/${taken}`);
    });
  });
}

function withRule(policy: unknown, path: string, capabilities: string[]): { policy: string } {
  const { path: rules } = JSON.parse(String(policy)) as { path: object };
  return { policy: JSON.stringify({ path: { ...rules, [path]: { capabilities } } }) };
}

function secretOf({ secret }: { secret?: { field: string; value: Secret } }) {
  return secret === undefined ? {} : { [secret.field]: secret.value.reveal() };
}
