import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import { type Fixture, createFixture } from './fixture.ts';
import { vaultServers } from './servers.ts';

const Entry = z.looseObject({
  time: z.iso.datetime(),
  type: z.enum(['request', 'response']),
  error: z.string().optional(),
  auth: z.looseObject({
    accessor: z.string().optional(),
    metadata: z.record(z.string(), z.string()).optional(),
  }),
  request: z.looseObject({
    id: z.string(),
    operation: z.string(),
    path: z.string(),
    data: z.record(z.string(), z.unknown()).optional(),
  }),
  response: z
    .looseObject({
      secret: z.object({ lease_id: z.string() }).optional(),
      data: z.record(z.string(), z.unknown()).optional(),
    })
    .optional(),
});
type Entry = z.infer<typeof Entry>;

/** Twelve lines that a real OpenBao 2.6 wrote of the same six requests, made with this file's `before`. */
const sample = parseLines(
  readFileSync(join(import.meta.dirname, 'openbao-2.6.audit.jsonl'), 'utf8'),
);

/** What the stand-in has no counterpart of: entities, accessors and versions of mounts, which policy it was. */
const omitted = [
  'auth.display_name',
  'auth.entity_created',
  'auth.entity_id',
  'auth.no_default_policy',
  'auth.policy_results.granting_policies',
  'request.client_id',
  'request.mount_accessor',
  'request.mount_running_version',
  'response.auth.display_name',
  'response.auth.entity_id',
  'response.auth.no_default_policy',
  'response.mount_accessor',
  'response.mount_running_plugin_version',
];

const hashed = /^hmac-sha256:[0-9a-f]{64}$/;

for (const server of vaultServers()) {
  describe(`the audit log on ${server.name}`, () => {
    let fixture: Fixture;
    let issued: {
      token: string;
      accessor: string;
      leaseId: string;
      username: string;
      password: string;
    };
    let raw = '';
    let entries: Entry[] = [];
    /** Null for a server whose log is not on this machine. */
    let unreadable: string | null = null;

    before(async () => {
      fixture = await createFixture(server);
      const { a, b, rootToken, vault } = fixture;
      const file = vault.auditFile;
      if (file === null) {
        unreadable = 'its audit log is not on this machine';
        return;
      }
      const from = readFileSync(file, 'utf8').length;
      const { token, accessor } = await fixture.login(a);
      issued = { token, accessor, ...(await fixture.credential(a, token)) };
      await fixture.call(token, 'GET', `${b.databaseMount}/creds/${b.databaseRole}`);
      await fixture.call(rootToken, 'PUT', 'sys/leases/revoke', {
        lease_id: issued.leaseId,
        sync: true,
      });
      await fixture.call(rootToken, 'POST', 'auth/token/revoke-accessor', { accessor });
      const jwt = fixture.mint(a, { sub: 'target:other' });
      await fixture.call(null, 'POST', `auth/${a.jwtMount}/login`, { role: a.jwtRole, jwt });
      await fixture.call(rootToken, 'GET', `sys/leases/lookup/auth/${a.jwtMount}/login/?list=true`);
      raw = readFileSync(file, 'utf8').slice(from);
      entries = parseLines(raw);
    });
    after(() => fixture.close());

    const audited = (name: string, work: () => void) => {
      test(name, (context) => {
        if (unreadable === null) work();
        else context.skip(unreadable);
      });
    };
    const pair = (index: number): [Entry, Entry] => {
      const [request, response] = [entries[index * 2], entries[index * 2 + 1]];
      assert.ok(request?.type === 'request' && response?.type === 'response');
      assert.equal(request.request.id, response.request.id);
      return [request, response];
    };

    audited('each request is one line before it is executed and one before it is answered', () => {
      assert.equal(entries.length, 14);
      for (const index of [0, 1, 2, 3, 4, 5, 6]) pair(index);
    });

    audited('a login shows whose delivery it is in clear, and its accessor as an HMAC', () => {
      const [, { auth, request }] = pair(0);
      assert.equal(request.path, `auth/${fixture.a.jwtMount}/login`);
      const { session_id: session, ...others } = auth.metadata ?? {};
      assert.match(session ?? '', /^[0-9a-f]{16}$/);
      assert.deepEqual(others, {
        role: fixture.a.jwtRole,
        delivery_id: 'dlv_0123456789',
        artifact_digest: 'a'.repeat(64),
      });
      assert.match(auth.accessor ?? '', hashed);
    });

    audited(
      'an issued credential shows its lease in clear, with the login’s accessor and metadata',
      () => {
        const [, login] = pair(0);
        const [, { auth, request, response }] = pair(1);
        assert.equal(request.path, `${fixture.a.databaseMount}/creds/${fixture.a.databaseRole}`);
        assert.equal(response?.secret?.lease_id, issued.leaseId);
        assert.equal(auth.accessor, login.auth.accessor);
        assert.deepEqual(auth.metadata, login.auth.metadata);
        const { username, password } = response.data ?? {};
        assert.match(String(username), hashed);
        assert.match(String(password), hashed);
      },
    );

    audited('what a policy denies is two lines with an error and no lease', () => {
      for (const { error, response } of pair(2)) {
        assert.match(error ?? '', /permission denied/);
        assert.equal(response?.secret, undefined);
      }
    });

    audited(
      'a revoked lease is named by an HMAC, and a revoked token by that of its accessor',
      () => {
        const [, login] = pair(0);
        const [lease] = pair(3);
        assert.deepEqual(
          [lease.request.path, lease.request.data?.['sync']],
          ['sys/leases/revoke', true],
        );
        assert.match(String(lease.request.data?.['lease_id']), hashed);
        const [token, { response }] = pair(4);
        assert.equal(token.request.path, 'auth/token/revoke-accessor');
        assert.equal(token.request.data?.['accessor'], login.auth.accessor);
        assert.equal(response?.data, undefined);
      },
    );

    audited('a refused login names nobody', () => {
      const [, { auth, response }] = pair(5);
      assert.equal(auth.accessor, undefined);
      assert.equal(auth.metadata, undefined);
      assert.deepEqual(Object.keys(response?.data ?? {}), ['error']);
    });

    audited('nothing to list is an answer without data, and no error', () => {
      const [, { error, request, response }] = pair(6);
      assert.equal(request.operation, 'list');
      assert.equal(error, undefined);
      assert.equal(response?.data, undefined);
    });

    audited('no token, accessor, login name or password stands in it', () => {
      for (const secret of [issued.token, issued.accessor, issued.username, issued.password]) {
        assert.ok(secret.length > 10);
        assert.equal(raw.includes(secret), false);
      }
    });

    audited(
      'its lines have the fields of OpenBao 2.6, but for those that the stand-in has nothing for',
      () => {
        const leftOut = server.isDouble ? omitted : [];
        for (const [index, theirs] of sample.entries()) {
          const wanted = fieldsOf(theirs).filter((field) => !leftOut.includes(field));
          const found = fieldsOf(entries[index]).filter((field) => !leftOut.includes(field));
          if (server.isDouble) assert.deepEqual(found, wanted, `line ${index + 1}`);
          // Other versions have more.
          else
            assert.deepEqual(
              wanted.filter((field) => !found.includes(field)),
              [],
              `line ${index + 1}`,
            );
        }
      },
    );
  });
}

function parseLines(text: string): Entry[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => Entry.parse(JSON.parse(line)));
}

function fieldsOf(value: unknown, prefix = ''): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [prefix];
  return Object.entries(value)
    .flatMap(([name, entry]) => fieldsOf(entry, prefix === '' ? name : `${prefix}.${name}`))
    .sort();
}
