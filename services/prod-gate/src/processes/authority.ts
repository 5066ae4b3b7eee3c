/**
 * gate-authority: holds the key whose signature Vault accepts as a login. It reads the gate's database and files, decides for
 * itself, and answers at one unix socket; it opens no connection but to Postgres and has no Vault token.
 */
import { assertReachable } from '@airlock/database/reachable';
import { runProcess } from '@airlock/process/main';
import { createLoginSigner } from '../adapters/authority/login-signer.ts';
import { startAuthorityServer } from '../adapters/authority/server.ts';
import { inDemo, openGateFiles } from '../adapters/files/gate-files.ts';
import { openDatabase } from '../adapters/postgres/client.ts';
import { recorder } from '../adapters/postgres/ledger-store.ts';
import { mintLogin, MintError } from '../app/mint-login.ts';
import { AuthorityConfig } from '../config-authority.ts';
import { decisionSources } from '../decision-sources.ts';

await runProcess({
  name: 'gate-authority',
  schema: AuthorityConfig,
  async start(config, runtime) {
    const signer = createLoginSigner(config.keyFile);
    // A file that cannot be read is one message now, and not a delivery that never starts.
    const files = await openGateFiles(config.files, inDemo());
    const database = openDatabase(config.database);
    runtime.onClose(() => database.close());
    await assertReachable(database.pool, 'database');
    const decisions = decisionSources(config, database, files);
    const mint = mintLogin({
      transactor: database,
      promotions: decisions.promotions,
      deliveries: decisions.deliveries,
      sessions: decisions.sessions,
      recorder,
      judge: ({ promotionId, deliveryId, now }) =>
        decisions.judge({ promotionId, now, own: { deliveryId } }),
      policyOf: decisions.policyOf,
      proofs: decisions.proofs,
      signer,
      issuer: config.issuer,
      loginSeconds: config.loginSeconds,
      clock: () => new Date(),
    });
    const server = await startAuthorityServer({
      socketPath: config.socketPath,
      socketMode: config.socketMode === '0600' ? 0o600 : 0o660,
      log: runtime.log,
      async mint(request) {
        const { deliveryId, sessionId } = request;
        try {
          const login = await mint(request);
          runtime.log.info('login.minted', { deliveryId, sessionId, expiresAt: login.expiresAt });
          return login;
        } catch (error) {
          if (error instanceof MintError) {
            runtime.log.warn('login.refused', { deliveryId, sessionId, codes: error.codes });
          }
          throw error;
        }
      },
    });
    runtime.onClose(() => server.close());
    runtime.listening(`unix:${config.socketPath}`);
  },
});
