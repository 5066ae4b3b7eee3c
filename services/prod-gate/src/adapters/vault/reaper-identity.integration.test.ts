/** The watchdog's two ways to log in, and how a secret id reaches it, on the stand-in and on a real server where there is one. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import {
  type CertificateAndKey,
  createCertificateAuthority,
  issueCertificate,
} from '@airlock/cli/setup/pki';
import { applyVaultSetup } from '@airlock/cli/vault/apply';
import { issueReaperSecretFiles } from '@airlock/cli/vault/reaper-secret';
import { planVaultSetup } from '@airlock/cli/vault/setup';
import type { VaultTarget } from '@airlock/cli/vault/targets';
import { realVault } from '@airlock/testkit/vault-server';
import { startVaultDouble } from '@airlock/vault-double/server';
import { createVaultReaper } from './reaper.ts';
import type { ReaperIdentity } from './reaper-identity.ts';
import { VaultSettings } from './settings.ts';
import { takeWrappedSecretId } from './wrapped-secret-id.ts';

const environment = { AIRLOCK_DEMO: '1' };
const watchdogName = 'airlock:gate:watchdog';
const real = realVault();

for (const name of ['double', ...(real === null ? [] : [real.name])]) {
  describe(`the watchdog’s identity (${name})`, () => {
    const directory = mkdtempSync(join(tmpdir(), 'airlock-identity-'));
    const at = (file: string) => join(directory, file);
    const run = randomBytes(3).toString('hex');
    const role = `reaper-${run}`;
    const leaf = `leaf-${run}`;
    const target: VaultTarget = {
      target: `shop-${run}`,
      jwtMount: `jwt-${run}`,
      jwtRole: 'deliver',
      ttlSeconds: 60,
      reads: [{ as: 'host', kind: 'ssh', mount: `ssh-${run}`, role: 'deploy', principals: ['x'] }],
      connections: {},
    };
    let access: { address: string; token: string };
    let tlsAddress: string | null;
    let stop: () => Promise<void>;

    before(async () => {
      const [serverCa, clientCa, strangers] = await Promise.all(
        ['servers', 'watchdogs', 'watchdogs'].map(createCertificateAuthority),
      );
      assert.ok(serverCa !== undefined && clientCa !== undefined && strangers !== undefined);
      const issue = (ca: CertificateAndKey, uriSan: string, usage: 'server' | 'client') =>
        issueCertificate({
          ...{ ca, uriSan, dnsNames: [], usage, days: 1 },
          ipAddresses: usage === 'server' ? ['127.0.0.1'] : [],
        });
      const tls = await issue(serverCa, 'airlock:vault', 'server');
      writeFileSync(at('ca.pem'), serverCa.certificatePem);
      const keep = (file: string, { certificatePem, keyPem }: CertificateAndKey) => {
        writeFileSync(at(`${file}.pem`), certificatePem);
        writeFileSync(at(`${file}.key`), keyPem, { mode: 0o600 });
        return certificatePem;
      };
      const own = keep('watchdog', await issue(clientCa, watchdogName, 'client'));
      keep('other', await issue(clientCa, 'airlock:gate:intake', 'client'));
      keep('stranger', await issue(strangers, watchdogName, 'client'));

      const token = randomBytes(12).toString('hex');
      const server =
        name === 'double' || real === null
          ? {
              rootToken: token,
              ...(await startVaultDouble({
                ...{ host: '127.0.0.1', port: 0, rootToken: token },
                tls: { port: 0, ...tls },
              })),
            }
          : await real.start({ tls });
      stop = () => server.stop();
      ({ tlsAddress } = server);
      access = { address: server.address, token: server.rootToken };
      const setup = {
        targets: [target],
        issuer: 'https://gate.example',
        authorityPublicKeyPem: generateKeyPairSync('ed25519')
          .publicKey.export({ type: 'spki', format: 'pem' })
          .toString(),
      };
      const byAuthority = { pem: clientCa.certificatePem, uri: watchdogName };
      for (const reaper of [
        { roleName: role },
        { roleName: role, certificate: byAuthority },
        { roleName: leaf, certificate: { pem: own } },
      ]) {
        const calls = planVaultSetup({ ...setup, reaper });
        await applyVaultSetup({ ...access, calls });
        const again = await applyVaultSetup({ ...access, calls });
        assert.deepEqual(
          again.filter(({ state }) => state !== 'unchanged'),
          [],
        );
      }
    });
    after(async () => {
      await stop();
      rmSync(directory, { recursive: true, force: true });
    });

    const revoke = (identity: ReaperIdentity, address = access.address) => {
      const settings = VaultSettings.parse({ address, caFile: at('ca.pem') });
      return createVaultReaper(settings, identity, environment).revokeSession({
        ...{ accessor: null, leaseIds: [], jwtMount: target.jwtMount, leasePrefixes: [] },
      });
    };
    const clean = { clean: true, remaining: { tokens: 0, leases: 0 } };
    const byCertificate = (file: string, roleName = role): ReaperIdentity => ({
      ...{ kind: 'cert', role: roleName },
      ...{ certFile: at(`${file}.pem`), keyFile: at(`${file}.key`) },
    });
    const isSkipped = (t: TestContext): boolean => {
      if (tlsAddress === null) t.skip('this server was not started here, and so not with TLS');
      return tlsAddress === null;
    };

    test('a certificate of the authority with the watchdog’s name logs in and proves that nothing is left', async (t) => {
      if (isSkipped(t)) return;
      assert.deepEqual(await revoke(byCertificate('watchdog'), tlsAddress ?? ''), clean);
    });

    test('where the watchdog’s own certificate is pinned it logs in, and another of its authority does not', async (t) => {
      if (isSkipped(t)) return;
      assert.deepEqual(await revoke(byCertificate('watchdog', leaf), tlsAddress ?? ''), clean);
      const { clean: isClean, error } = await revoke(
        byCertificate('other', leaf),
        tlsAddress ?? '',
      );
      assert.equal(isClean, false);
      assert.match(error ?? '', /40[03].*auth\/cert\/login/);
    });

    for (const file of ['other', 'stranger']) {
      test(`the certificate of ${file === 'other' ? 'another process' : 'another authority'} claims nothing`, async (t) => {
        if (isSkipped(t)) return;
        const result = await revoke(byCertificate(file), tlsAddress ?? '');
        assert.deepEqual(result.remaining, { tokens: null, leases: null });
        assert.match(result.error ?? '', /40[03].*auth\/cert\/login/);
      });
    }

    test('a certificate is not shown to plain http, and its key has to be its owner’s alone', () => {
      assert.throws(() => revoke(byCertificate('watchdog')), { code: 'configuration-refused' });
      chmodSync(at('watchdog.key'), 0o644);
      const opened = () => revoke(byCertificate('watchdog'), 'https://127.0.0.1:1');
      assert.throws(opened, { code: 'configuration-refused', message: /chmod 600/ });
      chmodSync(at('watchdog.key'), 0o600);
    });

    const appRole = (wrapping: string | null): Extract<ReaperIdentity, { kind: 'approle' }> => ({
      kind: 'approle',
      roleIdFile: at('handed/role-id'),
      secretIdFile: at('secret-id'),
      ...(wrapping === null ? {} : { wrapped: { tokenFile: at(wrapping), role } }),
    });
    const take = (wrapping: string) =>
      takeWrappedSecretId(
        VaultSettings.parse({ address: access.address }),
        appRole(wrapping),
        environment,
      );
    const issueWrapped = (endsOthers = false) =>
      issueReaperSecretFiles({
        ...{ access, directory: at('handed'), roleName: role, wrapSeconds: 60, endsOthers },
      });

    test('a wrapped secret id is taken once, kept for the next start, and logs in', async () => {
      const lines = await issueWrapped();
      assert.ok(
        !lines.join('\n').includes(readFileSync(at('handed/wrapped-secret-id'), 'utf8').trim()),
      );
      assert.deepEqual(await take('handed/wrapped-secret-id'), { outcome: 'taken' });
      assert.equal(existsSync(at('handed/wrapped-secret-id')), false);
      assert.equal(statSync(at('secret-id')).mode & 0o777, 0o600);
      assert.deepEqual(await revoke(appRole(null)), clean);
      assert.deepEqual(await take('handed/wrapped-secret-id'), { outcome: 'none' });
    });

    test('a token that somebody unwrapped before is an alarm, and the earlier secret id goes on', async () => {
      await issueWrapped();
      const token = readFileSync(at('handed/wrapped-secret-id'), 'utf8').trim();
      const response = await fetch(`${access.address}/v1/sys/wrapping/unwrap`, {
        method: 'POST',
        headers: { 'X-Vault-Token': token },
      });
      assert.equal(response.status, 200);
      const taken = await take('handed/wrapped-secret-id');
      assert.equal(taken.outcome, 'intercepted');
      assert.match(taken.why, /unwrapped before.*--end-others/);
      assert.ok(!taken.why.includes(token));
      assert.deepEqual(await revoke(appRole(null)), clean);
    });

    test('a token that wraps anything else is not unwrapped', async () => {
      const response = await fetch(`${access.address}/v1/sys/wrapping/wrap`, {
        method: 'POST',
        headers: { 'X-Vault-Token': access.token, 'X-Vault-Wrap-TTL': '60s' },
        body: JSON.stringify({ secret_id: 'of somebody else' }),
      });
      // The shape is what is asserted by what follows.
      const { wrap_info } = (await response.json()) as { wrap_info: { token: string } };
      writeFileSync(at('foreign'), wrap_info.token);
      const taken = await take('foreign');
      assert.equal(taken.outcome, 'intercepted');
      assert.match(taken.why, /made at sys\/wrapping\/wrap and not at auth\/approle\/role/);
      assert.ok(!readFileSync(at('secret-id'), 'utf8').includes('of somebody else'));
    });

    test('a Vault that is away is no alarm, and the token waits for the next start', async () => {
      writeFileSync(at('waiting'), 's.token');
      const settings = VaultSettings.parse({ address: 'http://127.0.0.1:1' });
      const taken = await takeWrappedSecretId(settings, appRole('waiting'), environment);
      assert.equal(taken.outcome, 'failed');
      assert.ok(existsSync(at('waiting')));
    });

    test('with a new secret id the earlier ones can be ended', async () => {
      const earlier = readFileSync(at('secret-id'), 'utf8');
      await issueWrapped(true);
      const refused = await revoke(appRole(null));
      assert.match(refused.error ?? '', /400.*auth\/approle\/login/);
      assert.deepEqual(await take('handed/wrapped-secret-id'), { outcome: 'taken' });
      assert.notEqual(readFileSync(at('secret-id'), 'utf8'), earlier);
      assert.deepEqual(await revoke(appRole(null)), clean);
    });
  });
}
