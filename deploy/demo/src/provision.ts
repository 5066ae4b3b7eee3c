/** Makes keys, certificates and database passwords once, and writes every process's configuration each time. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  createCertificateAuthority,
  createIntermediateAuthority,
  createRootAuthority,
  issueCertificate,
  type CertificateAndKey,
} from '@airlock/cli/setup/pki';
import { administratorsFile } from '@airlock/cli/setup/administrators';
import { createSigningKey, trustRow, type NewSigningKey } from '@airlock/cli/setup/signing-keys';
import { createSamlKey } from '@airlock/cli/setup/saml-key';
import { createLedgerKey, createWitnessKey, type NoteKey } from '@airlock/cli/setup/ledger-key';
import { stringify } from 'yaml';
import { createForgeKey, type ForgeKey } from '@airlock/cli/drills/forge-key';
import type { Layout } from './layout.ts';
import { rebuilder } from './names.ts';

export function writePrivate(path: string, content: string | Uint8Array): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}

/** The content of `path`, made by `make` and kept when it is not there yet. */
async function kept(path: string, make: () => string | Promise<string>): Promise<string> {
  if (!existsSync(path)) writePrivate(path, await make());
  return readFileSync(path, 'utf8');
}

export interface PemFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

export interface Keys {
  readonly edges: Readonly<
    Record<
      'gate' | 'rebuilds',
      { readonly caFile: string; readonly server: PemFiles; readonly client: PemFiles }
    >
  > & {
    /** Its clients come by token: see runner.ts. */
    readonly runner: {
      readonly caFile: string;
      readonly server: PemFiles;
      readonly authority: PemFiles;
    };
  };
  readonly signing: Readonly<
    Record<
      'main' | 'pr' | 'test' | 'promotion' | 'rebuilder',
      { readonly keyFile: string; readonly key: NewSigningKey }
    >
  >;
  /** Whose signatures the gate's configuration needs: two people of two domains, both at hand in a demo alone. */
  readonly administrators: readonly Administrator[];
  /** What the runner signs its runs with; not the key of its certificate. */
  readonly runner: {
    /** What the runner is, as it wrote it down when it joined. */
    readonly directory: string;
    readonly keyFile: string;
    readonly key: NewSigningKey;
  };
  readonly forge: ForgeKey;
  readonly ledger: { readonly keyFile: string; readonly vkey: string };
  readonly witness: { readonly keyFile: string; readonly vkey: string };
  readonly authority: { readonly keyFile: string; readonly publicKeyPem: string };
  /** Signs verification summaries and delivery statements. */
  readonly attestation: Keys['signing']['main'];
  /** Directory of the key that nonprod's secrets lie under. */
  readonly nonprodKeeper: string;
  readonly saml: Readonly<
    Record<'nonprod' | 'gate', PemFiles & { readonly certificatePem: string }>
  >;
}

export interface Administrator {
  readonly name: string;
  readonly adminDomain: string;
  readonly keyFile: string;
  readonly key: NewSigningKey;
}

export const runnerName = 'runner-1';
export const ledgerOrigin = 'airlock-demo/ledger';
export const witnessName = 'airlock-demo/nonprod-witness';

/** Every key of the pair; made on the first start and kept below `layout.keys`. */
export async function provisionKeys(layout: Layout): Promise<Keys> {
  const at = (...names: string[]): string => join(layout.keys, ...names);
  return {
    edges: {
      runner: await runnerEdge(at('runner-edge')),
      gate: await edge(
        at('gate-edge'),
        'gate-edge',
        'airlock:nonprod:outbox',
        'airlock:gate:intake',
      ),
      rebuilds: await edge(
        at('rebuild-edge'),
        'rebuild-edge',
        'airlock:gate:rebuilds',
        rebuilder.identity,
      ),
    },
    signing: {
      main: await signingKey(at('signer', 'main.json')),
      pr: await signingKey(at('signer', 'pr.json')),
      test: await signingKey(at('signer', 'test.json')),
      promotion: await signingKey(at('signer', 'promotion.json')),
      rebuilder: await signingKey(at('rebuilder', 'builder.json')),
    },
    administrators: [
      await administrator(at('administrators', 'ada.json'), 'Ada Novak', 'platform'),
      await administrator(at('administrators', 'ben.json'), 'Ben Ito', 'security'),
    ],
    runner: {
      directory: at('runner'),
      ...(await signingKey(at('runner', 'attestation.json'), 'ed25519')),
    },
    forge: await forgeKey(at('forge.json')),
    ledger: await noteKey(at('ledger.json'), () => createLedgerKey(ledgerOrigin)),
    witness: await noteKey(at('witness.json'), () => createWitnessKey(witnessName)),
    authority: await authorityKey(at('authority.json')),
    attestation: await signingKey(at('attestation.json')),
    nonprodKeeper: keeperKey(at('nonprod-keeper')),
    saml: {
      nonprod: await samlKey(at('saml-nonprod.json'), 'nonprod'),
      gate: await samlKey(at('saml-gate.json'), 'gate'),
    },
  };
}

function keeperKey(directory: string): string {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, '1.key');
  if (!existsSync(file)) writePrivate(file, randomBytes(32));
  return directory;
}

async function forgeKey(path: string): Promise<ForgeKey> {
  // Written by this line.
  return JSON.parse(await kept(path, () => JSON.stringify(createForgeKey(new Date())))) as ForgeKey;
}

function pemFiles(base: string, { certificatePem, keyPem }: CertificateAndKey): PemFiles {
  return {
    certificateFile: writePrivate(`${base}.pem`, certificatePem),
    keyFile: writePrivate(`${base}.key`, keyPem),
  };
}

/** As `airlock ca init` makes it: the root signs the server and the authority that works online. */
async function runnerEdge(directory: string): Promise<Keys['edges']['runner']> {
  const stored = await kept(join(directory, 'edge.json'), async () => {
    const root = await createRootAuthority('runner-edge');
    const authority = await createIntermediateAuthority({
      ...{ root, name: 'runner-edge online', days: 365 },
    });
    const server = await issueCertificate({
      ...{ ca: root, uriSan: 'airlock:nonprod:runner-api', usage: 'server', days: 365 },
      ...{ dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] },
    });
    return JSON.stringify({ root, authority, server });
  });
  // Written by the lines above.
  const { root, authority, server } = JSON.parse(stored) as Record<
    'root' | 'authority' | 'server',
    CertificateAndKey
  >;
  return {
    caFile: writePrivate(join(directory, 'ca.pem'), root.certificatePem),
    server: pemFiles(join(directory, 'server'), server),
    authority: pemFiles(join(directory, 'authority'), authority),
  };
}

async function edge(
  directory: string,
  name: string,
  serverUri: string,
  clientUri: string,
): Promise<Keys['edges']['gate']> {
  const stored = await kept(join(directory, 'edge.json'), async () => {
    const ca = await createCertificateAuthority(name);
    const issue = (uriSan: string, usage: 'server' | 'client'): Promise<CertificateAndKey> =>
      issueCertificate({
        ca,
        uriSan,
        usage,
        days: 365,
        dnsNames: usage === 'server' ? ['localhost'] : [],
        ipAddresses: usage === 'server' ? ['127.0.0.1'] : [],
      });
    return JSON.stringify({
      ca,
      server: await issue(serverUri, 'server'),
      client: await issue(clientUri, 'client'),
    });
  });
  // Written by the lines above.
  const { ca, server, client } = JSON.parse(stored) as Record<
    'ca' | 'server' | 'client',
    CertificateAndKey
  >;
  return {
    caFile: writePrivate(join(directory, 'ca.pem'), ca.certificatePem),
    server: pemFiles(join(directory, 'server'), server),
    client: pemFiles(join(directory, 'client'), client),
  };
}

async function signingKey(
  path: string,
  alg: NewSigningKey['alg'] = 'ecdsa-p256-sha256',
): Promise<Keys['signing']['main']> {
  const key = JSON.parse(
    await kept(path, () => JSON.stringify(createSigningKey(alg))),
  ) as NewSigningKey;
  return { key, keyFile: writePrivate(path.replace(/json$/, 'pem'), key.privateKeyPem) };
}

async function administrator(
  path: string,
  name: string,
  adminDomain: string,
): Promise<Administrator> {
  return { name, adminDomain, ...(await signingKey(path)) };
}

/** The gate's root of trust: both of the demo's administrators must sign what it decides by. */
export const rootOfTrust = ({ administrators }: Pick<Keys, 'administrators'>): string =>
  administratorsFile({ threshold: 2, domains: 2 }, administrators);

async function authorityKey(path: string): Promise<Keys['authority']> {
  const { keyFile, key } = await signingKey(path);
  return { keyFile, publicKeyPem: key.publicKeyPem };
}

async function noteKey(path: string, make: () => NoteKey): Promise<Keys['ledger']> {
  const stored = await kept(path, () => JSON.stringify(make()));
  // Written by the line above.
  const { privateKeyPem, vkey } = JSON.parse(stored) as NoteKey;
  return { keyFile: writePrivate(path.replace(/json$/, 'pem'), privateKeyPem), vkey };
}

async function samlKey(path: string, name: string): Promise<Keys['saml']['gate']> {
  const pair = JSON.parse(
    await kept(path, async () => JSON.stringify(await createSamlKey(name))),
  ) as CertificateAndKey;
  return { ...pemFiles(path.replace(/[.]json$/, ''), pair), certificatePem: pair.certificatePem };
}

/** A password for a database role, made once; returns the file. */
export async function passwordFile(
  layout: Layout,
  role: string,
): Promise<{ file: string; password: string }> {
  const file = join(layout.keys, 'database', role);
  return { file, password: await kept(file, () => randomBytes(24).toString('base64url')) };
}

/** Since when and until when the demo's keys count: made once, for what was admitted then is judged by it again later. */
async function keyWindow(layout: Layout): Promise<{ notBefore: Date; notAfter: Date }> {
  const made = await kept(join(layout.keys, 'signer', 'made'), () => new Date().toISOString());
  const at = Date.parse(made);
  return { notBefore: new Date(at - 86_400_000), notAfter: new Date(at + 365 * 86_400_000) };
}

/** The gate's pinned signers: the PR builder's key is known and accepted for no target. */
export async function trustFile(
  layout: Layout,
  keys: Keys,
  builders: { readonly main: string; readonly pr: string },
): Promise<string> {
  const window = await keyWindow(layout);
  const row = (
    name: keyof Keys['signing'],
    role: 'provenance' | 'test' | 'promotion',
    builderIds: readonly string[],
    adminDomain = 'nonprod',
  ): unknown =>
    trustRow({
      key: keys.signing[name].key,
      ...{ roles: [role], builderIds, adminDomain },
      ...window,
    });
  return JSON.stringify(
    {
      version: 1,
      signers: [
        row('main', 'provenance', [builders.main]),
        row('pr', 'provenance', [builders.pr]),
        row('test', 'test', [builders.main]),
        row('promotion', 'promotion', []),
        row('rebuilder', 'provenance', [rebuilder.id], rebuilder.adminDomain),
      ],
    },
    null,
    2,
  );
}

/** The signer's pinned runners: the demo has one pool, whose runner builds main and pull requests. */
export function runnersFile(
  keys: Keys,
  builders: { readonly main: string; readonly pr: string },
): string {
  const row = trustRow({
    key: keys.runner.key,
    roles: ['run'],
    adminDomain: 'nonprod',
    builderIds: [builders.main, builders.pr],
    notBefore: new Date(Date.now() - 86_400_000),
    notAfter: new Date(Date.now() + 180 * 86_400_000),
  });
  return JSON.stringify({ version: 1, runners: [{ runner: runnerName, ...row }] }, null, 2);
}

/** What an auditor of the demo pins, in the form of `airlock verify --pinned`. */
export function pinnedKeys(keys: Keys, trust: string): string {
  const { signers } = JSON.parse(trust) as { signers: unknown };
  const { keyid, publicKeyPem, alg } = keys.attestation.key;
  return JSON.stringify(
    {
      version: 1,
      signers,
      ledger: keys.ledger.vkey,
      attestations: [{ keyid, publicKeyPem, alg }],
      administrators: JSON.parse(rootOfTrust(keys)) as unknown,
    },
    null,
    2,
  );
}

/** Writes one process's configuration and returns its path. */
export const writeConfig = (
  layout: Layout,
  name: string,
  content: Readonly<Record<string, unknown>>,
): string => writePrivate(join(layout.config, `${name}.yaml`), stringify(content));
