/**
 * gate-web: the one process of the gate that listens to browsers. It shows, keeps approvals and rings; it delivers nothing,
 * reaches neither Vault nor nonprod nor hooks, and what it writes is verified again by whoever acts on it.
 */
import { randomBytes } from 'node:crypto';
import { openArtifactStore } from '@airlock/artifacts/open-store';
import { formatId } from '@airlock/common/ids';
import { assertReachable } from '@airlock/database/reachable';
import { createSessionStore } from '@airlock/database/session-store';
import { thisBuild } from '@airlock/process/build';
import { readAdministrators } from '@airlock/process/configuration-directory';
import { runProcess, type Runtime } from '@airlock/process/main';
import { startMachineServer } from '@airlock/process/machine-server';
import { createDoorbell } from '@airlock/queue/doorbell';
import { certificateFigure } from '@airlock/web/certificate-figure';
import { createCredentialNotices, credentialFigure } from '@airlock/web/credential-watch';
import { serveFigures } from '@airlock/web/figures';
import { createWebServer } from '@airlock/web/server';
import { timeText } from '@airlock/web/views/time';
import { delivererBell } from '../adapters/bull/bells.ts';
import { createEmergencyStop } from '../adapters/files/emergency-stop.ts';
import { openGateFiles, toldInLog } from '../adapters/files/gate-files.ts';
import { readRegisteredHook } from '../adapters/files/hook-files.ts';
import { readKept } from '../adapters/files/kept-policy.ts';
import { readVerifierKey } from '../adapters/files/verifier-key.ts';
import { createApprovalStore } from '../adapters/postgres/approval-store.ts';
import { createAttestationStore } from '../adapters/postgres/attestation-store.ts';
import { createConfigurationStore } from '../adapters/postgres/configuration-store.ts';
import { openDatabase } from '../adapters/postgres/client.ts';
import { createCoSignatureStore } from '../adapters/postgres/co-signature-store.ts';
import { createDeliveryStore } from '../adapters/postgres/delivery-store.ts';
import { createFigureReader } from '../adapters/postgres/figure-reader.ts';
import { createLedgerReader, recorder } from '../adapters/postgres/ledger-store.ts';
import { createNewerStore } from '../adapters/postgres/newer-store.ts';
import { createObservationStore } from '../adapters/postgres/observation-store.ts';
import { newsOutbox } from '../adapters/postgres/news-outbox.ts';
import { createNewsChoices } from '../adapters/postgres/news-store.ts';
import { createPasskeyStore } from '../adapters/postgres/passkey-store.ts';
import { createPromotionQueries } from '../adapters/postgres/promotion-queries.ts';
import { createPromotionStore } from '../adapters/postgres/promotion-store.ts';
import { createRebuildStore } from '../adapters/postgres/rebuild-store.ts';
import { createRemarkStore } from '../adapters/postgres/remark-store.ts';
import { createReplacedDocumentStore } from '../adapters/postgres/replaced-document-store.ts';
import { isUnreachable } from '../adapters/postgres/unreachable.ts';
import { createShadowStore } from '../adapters/postgres/shadow-store.ts';
import { createStopStore } from '../adapters/postgres/stop-store.ts';
import { createTraceStore } from '../adapters/postgres/trace-store.ts';
import { createVaultSessionStore } from '../adapters/postgres/vault-session-store.ts';
import { createWebSessions } from '../adapters/postgres/web-sessions.ts';
import { verifyRegistration } from '../adapters/webauthn/registration.ts';
import { createDecisions } from '../app/approve-promotion.ts';
import { createEnrolment } from '../app/enrol-passkey.ts';
import { createSecurityKeyEnrolment } from '../app/enrol-security-key.ts';
import { openReturning } from '../open-returning.ts';
import { createWaivers, reviewNotices } from '../waiver-keeping.ts';
import { createStarting } from '../start-keeping.ts';
import { stopFigure } from '../stop-figure.ts';
import { createStopping } from '../stop-keeping.ts';
import { createRemarking } from '../app/write-remark.ts';
import { createWithdrawal } from '../app/withdraw-approval.ts';
import { createVouching } from '../app/vouch-passkey.ts';
import { createPasskeyWithdrawal } from '../app/withdraw-passkey.ts';
import { createConfigurationProof } from '../app/prove-configuration.ts';
import { createLedgerProofs } from '../app/prove-entry.ts';
import { WebConfig } from '../config-web.ts';
import { decisionRecorded, passkeyEnrolled, passkeyWithdrawn, rebuildTaken } from '../events.ts';
import { personByNameId } from '../domain/roster.ts';
import { databaseAway, httpErrorOf } from '../http/refusals.ts';
import { rebuildRoutes } from '../http/rebuild-api.ts';
import { gateRoutes } from '../http/routes.ts';
import { watchStandingSecrets } from '../watch-standing-secrets.ts';

await runProcess({ name: 'gate-web', schema: WebConfig, start });

async function start(config: WebConfig, runtime: Runtime): Promise<void> {
  const { log } = runtime;
  const { origin } = config;
  const build = thisBuild();
  const files = await openGateFiles(config.files, toldInLog(runtime));
  const database = openDatabase(config.database);
  runtime.onClose(() => database.close());
  await assertReachable(database.pool, 'database');
  watchStandingSecrets(config, { database, runtime });
  const bell = createDoorbell({ name: delivererBell, redisUrl: config.redis?.url ?? null, log });
  runtime.onClose(() => bell.close());

  const ledger = createLedgerReader(database);
  const queries = createPromotionQueries(database);
  const promotions = createPromotionStore(database);
  const approvals = createApprovalStore(database);
  const attestations = createAttestationStore(database);
  const passkeys = createPasskeyStore(database);
  const deliveries = createDeliveryStore(database);
  const sessions = createVaultSessionStore(database);
  const rebuilds = createRebuildStore(database);
  const traces = createTraceStore(database);
  const remarks = createRemarkStore(database);
  const artifacts = openArtifactStore(config.artifacts);
  // The host name of the one origin, and no parent of it: a passkey of the gate is good at the gate alone.
  const relyingParty = { rpId: new URL(origin).hostname, origin };
  const proofs = createLedgerProofs({ ledger, vkey: readVerifierKey(config.ledgerKeyFile) });
  const now = (): Date => new Date();
  const randomNonce = (): string => randomBytes(32).toString('base64url');
  const ceremony = { relyingParty, database, passkeys, recorder, files, now, randomNonce };
  const views = {
    ...{ gate: origin, files, promotions, approvals, passkeys, deliveries, sessions, queries },
    newer: createNewerStore(database),
    observations: createObservationStore(database),
    ...{ proofs, configuration: createConfigurationProof(proofs), artifacts, rebuilds },
    ...{ replaced: createReplacedDocumentStore(database), remarks },
    ...{ stops: createStopStore(database), emergency: createEmergencyStop(config.files) },
    traces,
    locks: ({ id }: { readonly id: string }, purl: string) => traces.locks(id, purl),
    // Without a mirror: the pages show what intake recorded, and decide nothing.
    ...{ git: null, contents: null },
  };

  const vouching = createVouching({
    ...{ ...ceremony, ...relyingParty, gate: origin, proofs },
    signatures: createCoSignatureStore(database),
  });
  const enrolment = createEnrolment({ ...ceremony, vouching, verify: verifyRegistration });
  const decisions = createDecisions({
    ...ceremony,
    promotions,
    approvals,
    replaced: views.replaced,
    ringDeliverer: (promotionId) => {
      bell.ring(promotionId);
    },
    newApprovalId: () => formatId('apr', randomBytes(10)),
  });

  const securityKeys = createSecurityKeyEnrolment({ ...ceremony, vouching });
  const withdrawPasskey = createPasskeyWithdrawal({ ...ceremony, proofs });
  const withdraw = createWithdrawal({
    ...{ database, promotions, approvals, recorder, files, now, news: newsOutbox },
  });

  const reviews = reviewNotices(proofs.facts);
  const credentials = createCredentialNotices(config, {
    ...{ of: 'gate-web', page: { href: '/trust', label: 'Keys' }, now },
  });
  const web = await createWebServer({
    service: 'gate',
    origin,
    ...{ listen: config.listen, securityContact: config.securityContact },
    log,
    assetsDirectory: config.assetsDirectory,
    manual: config.manual,
    sessions: createSessionStore(database.pool),
    saml: config.saml,
    build,
    nav: [
      { href: '/queue', label: 'Queue', keys: 'g q' },
      { href: '/targets', label: 'Targets', keys: 'g t' },
      { href: '/ledger', label: 'Ledger', keys: 'g l' },
      { href: '/leases', label: 'Leases' },
      { href: '/controls', label: 'Controls', keys: '!' },
      { href: '/me', label: 'You' },
    ],
    routes: gateRoutes({
      relyingParty,
      administrators: await readAdministrators(config.files.administratorsFile),
      registeredHook: (name) => readRegisteredHook(config.files.hooksDirectory, name),
      views,
      origin,
      nonprodOrigin: config.nonprodOrigin,
      promotions,
      passkeys,
      proofs,
      webSessions: createWebSessions(database),
      choices: createNewsChoices(database),
      shadows: createShadowStore(database),
      evidence: {
        ...{ approvals, passkeys, ledger, attestations, rebuilds },
        configurations: createConfigurationStore(database),
        kept: (digest) => readKept(artifacts, digest),
        headsFrom: async (repository, position) =>
          (await proofs.facts()).headsFrom(repository, position),
      },
      queries,
      deliveries,
      sessions,
      ledger,
      enrolment: {
        ...enrolment,
        async finish(nameId, given) {
          const enrolled = await enrolment.finish(nameId, given);
          passkeyEnrolled(log, nameId);
          return enrolled;
        },
      },
      decisions: {
        ...decisions,
        async approve(nameId, promotionId, given) {
          const recorded = await decisions.approve(nameId, promotionId, given);
          decisionRecorded(log, { decision: 'approve', promotionId, nameId });
          return recorded;
        },
        async reject(nameId, promotionId, given) {
          await decisions.reject(nameId, promotionId, given);
          decisionRecorded(log, { decision: 'reject', promotionId, nameId });
        },
      },
      writeRemark: createRemarking({ database, promotions, remarks, news: newsOutbox, files, now }),
      waivers: createWaivers({ ...views, ...ceremony }),
      askDelivery: createStarting({
        ...{ views, database, now },
        ringDeliverer: (promotionId) => {
          bell.ring(promotionId);
        },
      }),
      stopping: createStopping({
        ...{ ...views, ...ceremony, database },
        onPlaced: ({ id, kind, person }) => {
          log.warn('stop.placed', { stop: id, kind, person });
          bell.ring(id);
        },
      }),
      returning: openReturning({ ...views, ...{ database, now } }),
      securityKeys: {
        ...securityKeys,
        async finish(nameId, given) {
          const enrolled = await securityKeys.finish(nameId, given);
          passkeyEnrolled(log, nameId);
          return enrolled;
        },
      },
      async withdrawPasskey(nameId, credentialId) {
        await withdrawPasskey(nameId, credentialId);
        passkeyWithdrawn(log, nameId);
      },
      async withdraw(nameId, promotionId, given) {
        const withdrawn = await withdraw(nameId, promotionId, given);
        decisionRecorded(log, { decision: 'withdraw', promotionId, nameId });
        return withdrawn;
      },
      now,
    }),
    notices: async () => [...(await reviews()), ...credentials()],
    footer: async () => {
      const checkpoint = await ledger.checkpoint();
      const value =
        checkpoint === null
          ? 'none yet'
          : `${checkpoint.size} entries, signed ${timeText(checkpoint.signedAt, now())}`;
      return [{ label: 'Ledger checkpoint', value }];
    },
    resolveViewer: async ({ nameId, idp, groups }) => {
      const person = personByNameId((await files()).roster.roster, nameId);
      if (person === null) return null;
      const { id, name, roles } = person;
      return { id, name, roles, nameId, idp, groups };
    },
    // The roster and not a group gives a role here; the page says so.
    groupForRole: (role) => role,
    translateError: (error) =>
      httpErrorOf(error) ?? (isUnreachable(error) ? databaseAway(error) : null),
  });
  runtime.onClose(() => web.close());
  runtime.listening(web.url);
  const figures = createFigureReader(database);
  await serveFigures(config.figures, {
    runtime,
    build,
    read: async () => [
      ...(await figures()),
      await stopFigure({ ...views, ledger: proofs.facts, now }),
      certificateFigure(config),
      credentialFigure(config),
    ],
  });
  if (config.rebuilds === null) return;

  const builders = new Map(
    config.rebuilds.rebuilders.map(({ identity, builderId }) => [identity, builderId]),
  );
  const machines = await startMachineServer({
    listener: config.rebuilds.listener,
    setting: 'rebuilds.listener',
    log,
    routes: rebuildRoutes({
      ...{ transactor: database, promotions, rebuilds, recorder, files, artifacts, builders },
      ringDeliverer: (promotionId) => {
        bell.ring(promotionId);
      },
      onTaken: (builderId, taken) => {
        rebuildTaken(log, builderId, taken);
      },
      clock: now,
    }),
    mayCall: (caller) => builders.has(caller),
    onRefusedCaller: (caller) => {
      log.warn('rebuilds.caller-refused', { caller: caller ?? 'none' });
    },
  });
  runtime.onClose(() => machines.close());
  runtime.listening(machines.url);
}
