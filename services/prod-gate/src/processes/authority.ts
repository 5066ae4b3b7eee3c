/**
 * gate-authority: holds the key whose signature Vault accepts as a login. It reads the gate's database and files, decides for
 * itself, and answers at one unix socket. With a second key it signs what the gate states of admissions and deliveries. It opens no connection but to Postgres and has no Vault token.
 */
import { assertReachable } from '@airlock/database/reachable';
import { version } from '@airlock/process/build';
import { startLoop } from '@airlock/process/loop';
import { runProcess } from '@airlock/process/main';
import { createAttestationSigner } from '../adapters/authority/attestation-signer.ts';
import { createLoginSigner } from '../adapters/authority/login-signer.ts';
import { startAuthorityServer } from '../adapters/authority/server.ts';
import { openGateFiles, toldInLog } from '../adapters/files/gate-files.ts';
import { readKeptPolicy } from '../adapters/files/kept-policy.ts';
import { createAttestationStore } from '../adapters/postgres/attestation-store.ts';
import { openDatabase } from '../adapters/postgres/client.ts';
import { recorder } from '../adapters/postgres/ledger-store.ts';
import { createAttester } from '../app/issue-attestations.ts';
import { createLiftPass } from '../app/lift-stop.ts';
import { createLookAhead } from '../app/look-ahead.ts';
import { mintLogin, MintError } from '../app/mint-login.ts';
import { keepReviews } from '../review-keeping.ts';
import { AuthorityConfig } from '../config-authority.ts';
import { decisionSources } from '../decision-sources.ts';
import { attestationEvent } from '../events.ts';
import { watchStandingSecrets } from '../watch-standing-secrets.ts';

/** A promotion or the end of a delivery has its attestation within this time, and the ledger's. */
const attestIntervalMs = 1_000;
/** Deliveries start again within this time, and the ledger's, after the second person signed. */
const liftIntervalMs = 1_000;
/** Shorter than people take to approve what has just come, or a process of git stays open that nobody uses. */
const lookAheadIntervalMs = 1_000;

await runProcess({
  name: 'gate-authority',
  schema: AuthorityConfig,
  async start(config, runtime) {
    const signer = createLoginSigner(config.keyFile);
    const attestationSigner = createAttestationSigner(config.attestationKeyFile);
    // A file that cannot be read is one message now, and not a delivery that never starts.
    const files = await openGateFiles(config.files, toldInLog(runtime));
    const database = openDatabase(config.database);
    runtime.onClose(() => database.close());
    await assertReachable(database.pool, 'database');
    watchStandingSecrets(config, { database, runtime });
    const decisions = decisionSources(config, database, files);
    // Read through now, so that the first delivery does not wait for the whole ledger; a fault is that delivery's reason.
    void decisions.proofs.facts().catch(() => {});
    const mint = mintLogin({
      transactor: database,
      promotions: decisions.promotions,
      deliveries: decisions.deliveries,
      sessions: decisions.sessions,
      recorder,
      judge: ({ promotionId, deliveryId, now }) =>
        decisions.judge({ promotionId, now, own: { deliveryId } }),
      policyOf: decisions.policyOf,
      files,
      hookKind: async (hook) => (await files()).hookKind(hook),
      ledger: decisions.proofs.facts,
      signer,
      issuer: config.issuer,
      loginSeconds: config.loginSeconds,
      clock: () => new Date(),
    });
    const { deliveries, sessions, promotions, approvals, passkeys, proofs, artifacts } = decisions;
    const attester = createAttester({
      gate: config.gate,
      version,
      transactor: database,
      recorder,
      attestations: createAttestationStore(database),
      promotions,
      rebuilds: decisions.rebuilds,
      files,
      judge: async ({ promotionId, now }) =>
        (await decisions.judge({ promotionId, now, own: null }))?.facts ?? null,
      deliveries: {
        ...{ promotions, deliveries, sessions, approvals, passkeys, proofs },
        keptPolicy: (digests) => readKeptPolicy(artifacts, digests),
      },
      signer: attestationSigner,
      onEvent(event) {
        attestationEvent(runtime.log, event);
      },
      clock: () => new Date(),
    });
    const lift = createLiftPass({
      ...{ gate: config.gate, files, passkeys, proofs, recorder, transactor: database },
      ...{ stops: decisions.stops, ledger: proofs.facts, clock: () => new Date() },
    });
    const lookAhead = createLookAhead({
      waiting: () => decisions.promotions.inState('waiting'),
      judge: (promotionId) => decisions.judge({ promotionId, now: new Date(), own: null }),
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
    const attesting = startLoop({
      name: 'issue-attestations',
      intervalMs: attestIntervalMs,
      signal: runtime.signal,
      log: runtime.log,
      run: () => attester.pass(),
    });
    const lifting = startLoop({
      name: 'lift-stops',
      intervalMs: liftIntervalMs,
      signal: runtime.signal,
      log: runtime.log,
      async run() {
        for (const { stop, people } of await lift()) {
          runtime.log.warn('stop.lifted', { stop, people });
        }
      },
    });
    const lookingAhead = startLoop({
      name: 'look-ahead',
      intervalMs: lookAheadIntervalMs,
      signal: runtime.signal,
      log: runtime.log,
      run: lookAhead,
    });
    const reviewing = keepReviews(
      { ...runtime, database },
      { gate: config.gate, files, passkeys, proofs },
    );
    runtime.onClose(async () => {
      await Promise.all([attesting.done, lifting.done, lookingAhead.done, reviewing.done]);
    });
    runtime.listening(`unix:${config.socketPath}`);
  },
});
