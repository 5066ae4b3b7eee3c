import assert from 'node:assert/strict';
import { request } from 'node:https';
import { after, before, describe, test } from 'node:test';
import {
  type CertificateAndKey,
  createCertificateAuthority,
  issueCertificate,
} from '@airlock/cli/setup/pki';
import type { AnswerBody } from './fixture.ts';
import { vaultServers } from './servers.ts';
import { type Workspace, openWorkspace } from './workspace.ts';

const reaperName = 'spiffe://airlock.example/reaper';
const otherName = 'spiffe://airlock.example/other';

for (const server of vaultServers()) {
  describe(`login by certificate on ${server.name}`, () => {
    let space: Workspace;
    let mount: string;
    let serverCa: CertificateAndKey;
    const clients: Record<string, CertificateAndKey> = {};
    before(async () => {
      serverCa = await createCertificateAuthority('Contract servers');
      const issue = (ca: CertificateAndKey, uriSan: string, usage: 'server' | 'client') => {
        const ipAddresses = usage === 'server' ? ['127.0.0.1'] : [];
        return issueCertificate({ ca, uriSan, dnsNames: [], ipAddresses, usage, days: 1 });
      };
      const tls = await issue(serverCa, 'spiffe://airlock.example/vault', 'server');
      const clientCa = await createCertificateAuthority('Contract clients');
      clients['reaper'] = await issue(clientCa, reaperName, 'client');
      clients['other'] = await issue(clientCa, otherName, 'client');
      clients['server'] = await issue(clientCa, reaperName, 'server');
      const strangers = await createCertificateAuthority('Contract clients');
      clients['stranger'] = await issue(strangers, reaperName, 'client');

      space = openWorkspace(await server.start({ tls }));
      mount = (await space.enable('cert')) ?? '';
      const role = {
        certificate: clientCa.certificatePem,
        token_policies: ['contract'],
        token_no_default_policy: true,
        token_ttl: 60,
        token_max_ttl: 60,
      };
      await writeRole('reaper', { ...role, allowed_uri_sans: [reaperName] });
      await writeRole('named', { ...role, allowed_common_names: [otherName] });
    });
    after(() => space.close());

    const writeRole = (name: string, body: object) =>
      space.asRoot('POST', `auth/${mount}/certs/${name}`, body);
    const skipped = () =>
      space.vault.tlsAddress === null
        ? 'this server was not started here, and so not with TLS'
        : null;

    const logIn = (client: string | null, body: object, at = space.vault.tlsAddress) =>
      new Promise<{ status: number; body: AnswerBody; errors: string }>((resolve, reject) => {
        const shown = client === null ? undefined : clients[client];
        const call = request(
          `${at ?? ''}/v1/auth/${mount}/login`,
          {
            method: 'POST',
            ca: serverCa.certificatePem,
            agent: false,
            ...(shown === undefined ? {} : { cert: shown.certificatePem, key: shown.keyPem }),
          },
          (response) => {
            let text = '';
            response.setEncoding('utf8').on('data', (part: string) => (text += part));
            response.on('end', () => {
              // The shape is what the tests then assert.
              const parsed = JSON.parse(text) as AnswerBody;
              const errors = parsed.errors?.join('\n') ?? '';
              resolve({ status: response.statusCode ?? 0, body: parsed, errors });
            });
          },
        );
        call.on('error', reject).end(JSON.stringify(body));
      });

    test('the right certificate becomes an orphan service token of its role', async (t) => {
      const why = skipped();
      if (why !== null) {
        t.skip(why);
        return;
      }
      const { status, body, errors } = await logIn('reaper', { name: 'reaper' });
      assert.equal(status, 200, errors);
      assert.deepEqual(body.auth?.policies, ['contract']);
      assert.equal(body.auth.orphan, true);
      assert.equal(body.auth.lease_duration, 60);
      assert.equal(body.auth.metadata['cert_name'], 'reaper');
      assert.equal(body.auth.metadata['common_name'], reaperName);
      assert.match(body.auth.metadata['serial_number'] ?? '', /^\d+$/);
      assert.match(body.auth.metadata['subject_key_id'] ?? '', /^(?:[0-9a-f]{2}:){19}[0-9a-f]{2}$/);
    });

    test('without a name, the role that fits is found', async (t) => {
      const why = skipped();
      if (why !== null) {
        t.skip(why);
        return;
      }
      assert.equal((await logIn('reaper', {})).body.auth?.metadata['cert_name'], 'reaper');
      assert.equal((await logIn('other', {})).body.auth?.metadata['cert_name'], 'named');
    });

    const refused: [string, string | null, object, RegExp][] = [
      ['another name in the certificate', 'other', { name: 'reaper' }, /no chain matching all/],
      ['another common name', 'reaper', { name: 'named' }, /no chain matching all constraints/],
      [
        'a certificate of another authority of the same name',
        'stranger',
        {},
        /invalid certificate/,
      ],
      ['a role that does not exist', 'reaper', { name: 'none' }, /invalid certificate/],
      [
        'no certificate',
        null,
        { name: 'reaper' },
        /no client certificate found|client certificate must be supplied/,
      ],
    ];
    for (const [what, client, body, reason] of refused) {
      test(`refused: ${what}`, async (t) => {
        const why = skipped();
        if (why !== null) {
          t.skip(why);
          return;
        }
        const answer = await logIn(client, body);
        assert.equal(answer.status, 400, answer.errors);
        assert.match(answer.errors, reason);
      });
    }

    test('refused with a 500 that no retry mends: a certificate that is for servers', async (t) => {
      const why = skipped();
      if (why !== null) {
        t.skip(why);
        return;
      }
      const answer = await logIn('server', { name: 'reaper' });
      assert.equal(answer.status, 500);
      assert.match(answer.errors, /incompatible key usage/);
    });

    test('on a connection without TLS nobody logs in', async () => {
      const answer = await space.call(null, 'POST', `auth/${mount}/login`, { name: 'reaper' });
      assert.equal(answer.status, 400);
      assert.match(
        answer.errors,
        /no client certificate found|client certificate must be supplied/,
      );
    });

    test('a role without a certificate is refused', async () => {
      const answer = await writeRole('bare', { allowed_common_names: ['x'] });
      assert.equal(answer.status, 400);
      assert.match(answer.errors, /failed to parse certificate/);
    });
  });
}
