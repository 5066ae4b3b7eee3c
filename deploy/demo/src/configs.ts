/** Writes the configuration file of every process; what an operator would write by hand. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from '@airlock/testkit/redis';
import type { Layout, Ports, Side } from './layout.ts';
import { buildersOf, issuer, rebuilder, root, type Origins, type ProcessName } from './names.ts';
import { emailOf, people } from './people.ts';
import {
  ledgerOrigin,
  passwordFile,
  runnerName,
  runnersFile,
  witnessName,
  writeConfig,
  writePrivate,
  type Keys,
} from './provision.ts';
import type { DemoRepository } from './repository.ts';
import type { Vault } from './vault.ts';

const securityContact = { contacts: ['mailto:security@demo.airlock.example'] };

export async function writeConfigs(given: {
  layout: Layout;
  keys: Keys;
  ports: Ports;
  repository: DemoRepository;
  origins: Origins;
  idp: { url: string; entityId: string; certificatePem: string };
  vault: Vault;
  redis: Readonly<Record<Side, Redis>>;
  isolation: 'bubblewrap' | 'none';
}): Promise<Record<ProcessName, string>> {
  const { layout, keys, ports, repository, origins, idp, vault, redis, isolation } = given;
  const database = async (name: string, user: string): Promise<Record<string, unknown>> => ({
    host: '127.0.0.1',
    port: ports.postgres,
    name,
    user,
    passwordFile: (await passwordFile(layout, user)).file,
  });
  // For `airlock policy replay`, which is no process and stands beside no process's configuration.
  writePrivate(
    join(layout.keys, 'policy-replay.yaml'),
    JSON.stringify({ database: await database('gate', 'gate_audit') }, null, 2),
  );
  const idpCertificateFile = writePrivate(
    join(layout.keys, 'idp/certificate.pem'),
    idp.certificatePem,
  );
  const saml = (service: Side): Record<string, unknown> => ({
    entityId: `${origins[service]}/saml/metadata`,
    idp: {
      entityId: idp.entityId,
      signInUrl: `${idp.url}/sso`,
      certificateFile: idpCertificateFile,
    },
    keyFile: keys.saml[service].keyFile,
    certificateFile: keys.saml[service].certificateFile,
  });
  const { runner: runnerEdge, gate: gateEdge, rebuilds: rebuildEdge } = keys.edges;
  const nonprodRepository = {
    name: 'shop/shop-api',
    url: repository.url,
    mainBranch: 'main',
    provider: 'github',
  };
  const nonprodMirror = join(layout.mirrors, 'nonprod.git');
  const nonprodArtifacts = join(layout.artifacts, 'nonprod');
  const gateArtifacts = join(layout.artifacts, 'gate');
  const gateMirrors = [
    {
      repository: repository.url,
      directory: join(layout.mirrors, 'gate.git'),
      protocols: ['file'],
      isolation,
    },
  ];
  for (const directory of [
    nonprodArtifacts,
    gateArtifacts,
    join(layout.work, 'runner'),
    join(layout.work, 'rebuilder'),
    join(layout.work, 'hooks'),
  ]) {
    mkdirSync(directory, { recursive: true });
  }
  const files = {
    directory: layout.gateConfig,
    administratorsFile: layout.administratorsFile,
    hooksDirectory: join(layout.gateConfig, 'hooks'),
  };
  const decision = {
    gate: origins.gate,
    files,
    ledgerKeyFile: join(layout.gateConfig, 'ledger.vkey'),
    artifacts: { directory: gateArtifacts },
    mirrors: gateMirrors,
  };
  const assetsDirectory = join(root, 'dist/assets');
  const manual = { directory: join(root, 'dist/manual') };
  const redisOf = (side: Side) => ({ url: redis[side].url });
  const webhookSecretFile = (await passwordFile(layout, 'webhook')).file;
  return {
    'nonprod-web': writeConfig(layout, 'nonprod-web', {
      origin: origins.nonprod,
      listen: { host: '127.0.0.1', port: ports.nonprod },
      figures: { port: ports.nonprodFigures },
      securityContact,
      runnerApi: {
        host: '127.0.0.1',
        port: ports.runnerApi,
        caFile: runnerEdge.caFile,
        ...runnerEdge.server,
      },
      runnerEdge: {
        url: `https://127.0.0.1:${ports.runnerApi}`,
        enrolment: {
          host: '127.0.0.1',
          port: ports.enrolment,
          url: `https://127.0.0.1:${ports.enrolment}`,
        },
        authority: runnerEdge.authority,
      },
      database: await database('nonprod', 'nonprod_web'),
      redis: redisOf('nonprod'),
      repository: nonprodRepository,
      mirrorDirectory: nonprodMirror,
      artifacts: { directory: nonprodArtifacts },
      logs: { directory: layout.buildLogs },
      caches: { directory: layout.buildCaches },
      assetsDirectory,
      manual,
      saml: saml('nonprod'),
      groups: { developers: 'developer', platform: 'platform' },
      firstAdministrators: people.filter(({ roles }) => roles.includes('platform')).map(emailOf),
      secrets: {
        keeper: { kind: 'key-files', directory: keys.nonprodKeeper },
        socketPath: layout.marksSocket,
      },
      webhooks: [{ provider: 'github', secretFile: webhookSecretFile }],
      webhookKeyFile: (await passwordFile(layout, 'webhook-key')).file,
    }),
    'nonprod-scheduler': writeConfig(layout, 'nonprod-scheduler', {
      origin: origins.nonprod,
      repository: nonprodRepository,
      owners: ['developers'],
      git: {
        url: repository.url,
        mirrorDirectory: nonprodMirror,
        protocols: ['file'],
        pollSeconds: 1,
      },
      database: await database('nonprod', 'nonprod_scheduler'),
      redis: redisOf('nonprod'),
      artifacts: { directory: nonprodArtifacts },
      signer: { socketPath: layout.signerSocket },
      // One runner builds everything.
      pools: { reuse: 'the demo has one runner for everything' },
      pullRequests: 'run',
      sweepSeconds: 1,
    }),
    'nonprod-outbox': writeConfig(layout, 'nonprod-outbox', {
      listener: {
        host: '127.0.0.1',
        port: ports.outbox,
        caFile: gateEdge.caFile,
        ...gateEdge.server,
      },
      database: await database('nonprod', 'nonprod_outbox'),
      artifacts: { directory: nonprodArtifacts },
      witness: {
        name: witnessName,
        keyFile: keys.witness.keyFile,
        ledgerKeyFile: writePrivate(join(layout.keys, 'witness/ledger.vkey'), keys.ledger.vkey),
      },
      secrets: { socketPath: layout.marksSocket },
    }),
    signer: writeConfig(layout, 'signer', {
      socketPath: layout.signerSocket,
      repository: repository.url,
      git: {
        url: repository.url,
        mirrorDirectory: join(layout.mirrors, 'signer.git'),
        protocols: ['file'],
        isolation,
      },
      builderIds: buildersOf(origins),
      runnersFile: writePrivate(
        join(layout.keys, 'signer/runners.json'),
        runnersFile(keys, buildersOf(origins)),
      ),
      isolation,
      keys: {
        main: keys.signing.main.keyFile,
        pr: keys.signing.pr.keyFile,
        test: keys.signing.test.keyFile,
        promotion: keys.signing.promotion.keyFile,
      },
    }),
    runner: writeConfig(layout, 'runner', {
      controlPlane: {
        url: `https://127.0.0.1:${ports.runnerApi}`,
        caFile: join(keys.runner.directory, 'ca.pem'),
        identityFile: join(keys.runner.directory, 'identity.pem'),
        serverIdentity: 'airlock:nonprod:runner-api',
      },
      pool: 'default',
      workDirectory: join(layout.work, 'runner'),
      isolation,
      images: [{ image: '**', root: 'host' }],
      attestation: { runner: runnerName, keyFile: keys.runner.keyFile },
      budget: { minutes: 480 },
      pollSeconds: 0.5,
    }),
    'gate-intake': writeConfig(layout, 'gate-intake', {
      database: await database('gate', 'gate_intake'),
      gate: origins.gate,
      files,
      outbox: {
        url: `https://127.0.0.1:${ports.outbox}`,
        caFile: gateEdge.caFile,
        ...gateEdge.client,
      },
      ledgerKeyFile: join(layout.gateConfig, 'ledger.vkey'),
      witnessKeyFile: join(layout.gateConfig, 'witness.vkey'),
      mirrors: gateMirrors,
      artifacts: { directory: gateArtifacts },
      pollSeconds: 0.5,
    }),
    'gate-web': writeConfig(layout, 'gate-web', {
      origin: origins.gate,
      listen: { host: '127.0.0.1', port: ports.gate },
      figures: { port: ports.gateFigures },
      securityContact,
      database: await database('gate', 'gate_web'),
      redis: redisOf('gate'),
      files,
      ledgerKeyFile: join(layout.gateConfig, 'ledger.vkey'),
      artifacts: { directory: gateArtifacts },
      assetsDirectory,
      manual,
      saml: saml('gate'),
      nonprodOrigin: origins.nonprod,
      rebuilds: {
        listener: {
          host: '127.0.0.1',
          port: ports.rebuilds,
          caFile: rebuildEdge.caFile,
          ...rebuildEdge.server,
        },
        rebuilders: [{ identity: rebuilder.identity, builderId: rebuilder.id }],
      },
    }),
    rebuilder: writeConfig(layout, 'rebuilder', {
      gate: {
        url: `https://127.0.0.1:${ports.rebuilds}`,
        caFile: rebuildEdge.caFile,
        ...rebuildEdge.client,
      },
      builder: { id: rebuilder.id, keyFile: keys.signing.rebuilder.keyFile },
      repositories: [
        {
          repository: repository.url,
          name: nonprodRepository.name,
          mirrorDirectory: join(layout.mirrors, 'rebuilder.git'),
          protocols: ['file'],
        },
      ],
      workDirectory: join(layout.work, 'rebuilder'),
      isolation,
      images: [{ image: '**', root: 'host' }],
      pollSeconds: 0.3,
    }),
    'gate-authority': writeConfig(layout, 'gate-authority', {
      ...decision,
      database: await database('gate', 'gate_authority'),
      socketPath: layout.authoritySocket,
      keyFile: keys.authority.keyFile,
      attestationKeyFile: keys.attestation.keyFile,
      issuer,
    }),
    'gate-deliverer': writeConfig(layout, 'gate-deliverer', {
      ...decision,
      database: await database('gate', 'gate_deliverer'),
      redis: redisOf('gate'),
      authority: { socketPath: layout.authoritySocket },
      vault: { address: vault.address },
      hooks: { workDirectory: join(layout.work, 'hooks'), isolation },
      staleSeconds: 5,
    }),
    'gate-watchdog': writeConfig(layout, 'gate-watchdog', {
      database: await database('gate', 'gate_watchdog'),
      ledger: { origin: ledgerOrigin, keyFile: keys.ledger.keyFile },
      vault: {
        address: vault.address,
        identity: {
          kind: 'approle',
          roleIdFile: join(layout.keys, 'reaper/role-id'),
          secretIdFile: join(layout.keys, 'reaper/secret-id'),
        },
      },
      staleSeconds: 5,
    }),
  };
}
