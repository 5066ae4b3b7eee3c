/** The keys and passwords that an installation begins with: those that are made on the host that uses them, and by nobody else. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { sha256Hex } from '@airlock/common/encoding/hex';
import { isRecord, type Installation } from '../doctor/installation.ts';
import { CliError, exitCode } from '../exit-codes.ts';
import { pathsIn } from '../inventory/inventory.ts';
import { meaningOf } from '../inventory/meanings.ts';
import { createLedgerKey, createWitnessKey, type NoteKey } from './ledger-key.ts';
import { createSamlKey } from './saml-key.ts';
import { createSigningKey } from './signing-keys.ts';

/** One file to be written. */
interface Part {
  readonly path: string;
  readonly content: string | Buffer;
  /** Everybody may read it: a public half. */
  readonly isPublic: boolean;
  /** Nobody else looks into its directory. */
  readonly isApart?: boolean;
  /** Of the secret, or of the public half of the key. */
  readonly fingerprint: string;
}

export interface Made {
  readonly path: string;
  readonly setting: string;
  readonly fingerprint: string;
}

/** Named by a configuration, not there, and another's to make; each place once. */
export interface ToCome {
  readonly path: string;
  readonly setting: string;
  readonly from: string;
}

type Maker = (path: string, content: Record<string, unknown>) => Promise<Part[]> | Part[];

const random = (encode: (bytes: Buffer) => string | Buffer): Maker => {
  return (path) => {
    const content = encode(randomBytes(32));
    return [{ path, content, isPublic: false, fingerprint: sha256Hex(Buffer.from(content)) }];
  };
};
const beside = (path: string, ending: string): string => `${path.replace(/\.pem$/, '')}${ending}`;

const signingKey: Maker = (path) => {
  const { privateKeyPem, publicKeyPem, keyid } = createSigningKey('ecdsa-p256-sha256');
  return [
    { path, content: privateKeyPem, isPublic: false, fingerprint: keyid },
    { path: beside(path, '.pub.pem'), content: publicKeyPem, isPublic: true, fingerprint: keyid },
  ];
};

const noteKey = (make: (content: Record<string, unknown>) => NoteKey): Maker => {
  return (path, content) => {
    const { privateKeyPem, vkey } = make(content);
    const fingerprint = vkey.split('+').slice(0, 2).join('+');
    return [
      { path, content: privateKeyPem, isPublic: false, fingerprint },
      { path: beside(path, '.vkey'), content: `${vkey}\n`, isPublic: true, fingerprint },
    ];
  };
};

const samlKey: Maker = async (path, { saml }) => {
  const { entityId, certificateFile } = isRecord(saml) ? saml : {};
  const { keyPem, certificatePem } = await createSamlKey(new URL(String(entityId)).hostname);
  const fingerprint = sha256Hex(Buffer.from(certificatePem));
  return [
    { path, content: keyPem, isPublic: false, fingerprint },
    { path: String(certificateFile), content: certificatePem, isPublic: true, fingerprint },
  ];
};

const nameIn = (value: unknown, key: string): string => String(isRecord(value) ? value[key] : '');

const makers: readonly (readonly [process: RegExp, setting: RegExp, Maker])[] = [
  [/^/, /^database\.passwordFile$/, random((bytes) => `${bytes.toString('base64url')}\n`)],
  [/^(nonprod|gate)-web$/, /^saml\.keyFile$/, samlKey],
  [/^nonprod-web$/, /^webhookKeyFile$/, random((bytes) => bytes)],
  [
    /^nonprod-web$/,
    /^webhooks\[\d+\]\.secretFile$/,
    random((bytes) => `${bytes.toString('hex')}\n`),
  ],
  [
    /^nonprod-web$/,
    /^secrets\.keeper\.directory$/,
    (path) => {
      const key = randomBytes(32);
      const fingerprint = sha256Hex(key);
      const file = join(path, '1.key');
      return [{ path: file, content: key, isPublic: false, isApart: true, fingerprint }];
    },
  ],
  [
    /^nonprod-outbox$/,
    /^witness\.keyFile$/,
    noteKey(({ witness }) => createWitnessKey(nameIn(witness, 'name'))),
  ],
  [/^signer$/, /^keys\.\w+(\[\d\])?$/, signingKey],
  [/^gate-authority$/, /^(keyFile|attestationKeyFile)$/, signingKey],
  [
    /^gate-watchdog$/,
    /^ledger\.keyFile$/,
    noteKey(({ ledger }) => createLedgerKey(nameIn(ledger, 'origin'))),
  ],
  [/^rebuilder$/, /^builder\.keyFile$/, signingKey],
];

const origins: readonly (readonly [setting: RegExp, from: string])[] = [
  [
    /^runner(Api|Edge)\./,
    'airlock ca init on a machine that stays offline, then intermediate and server',
  ],
  [/identityFile$|^attestation\.keyFile$/, 'airlock-runner join, on the runner itself'],
  [/^runnersFile$/, 'the public keys of runners, as airlock-runner join prints them'],
  [/^vault\.identity\./, 'airlock vault issue-reaper-secret'],
  [/^files\.administratorsFile$/, 'airlock config administrators, put here by hand'],
  [/^files\.directory$/, 'airlock config sign, or a clone of where people keep it'],
  [
    /ledgerKeyFile$/i,
    'the .vkey beside ledger.keyFile, which this command makes for gate-watchdog',
  ],
  [
    /^witnessKeyFile$/,
    'the .vkey beside witness.keyFile, which this command makes for nonprod-outbox',
  ],
  [/^saml\.idp\./, 'the identity provider'],
  [/tls\./, 'your certificate authority'],
  [
    /^(outbox|listener|gate|rebuilds\.listener)\./,
    'airlock ca edge on a machine that stays offline, then airlock ca issue',
  ],
];

const originOf = (setting: string): string =>
  origins.find(([pattern]) => pattern.test(setting))?.[1] ?? 'its owner; put it there by hand';

/**
 * Makes what is missing of the configurations' own secrets, mode 0400, and public halves beside them. All of it or nothing: what
 * is there is never written over.
 *
 * @param root that paths of the configurations lie below, for an installation that is put together elsewhere. Default `/`.
 * @throws CliError `conflict` that names each file that is there already.
 */
export async function makeSecrets(
  { files }: Installation,
  root = '/',
): Promise<{ readonly made: readonly Made[]; readonly toCome: readonly ToCome[] }> {
  const parts = new Map<string, Part & { readonly setting: string }>();
  const named: { readonly path: string; readonly setting: string; readonly told: string }[] = [];
  for (const { path: file, content } of files) {
    const process = basename(file, '.yaml');
    for (const { setting, path } of pathsIn(content, '')) {
      const told = `${process} ${setting}`;
      if (meaningOf(process, setting) !== null) {
        named.push({ path: resolve(dirname(file), path), setting, told });
      }
      const maker = makers.find(([of, pattern]) => of.test(process) && pattern.test(setting));
      if (maker === undefined) continue;
      for (const part of await maker[2](resolve(dirname(file), path), content)) {
        const place = resolve(dirname(file), part.path);
        if (!parts.has(place)) parts.set(place, { ...part, path: place, setting: told });
      }
    }
  }
  const at = (path: string): string => join(root, path);
  const there = [...parts.keys()].map(at).filter((path) => existsSync(path));
  if (there.length > 0) {
    throw new CliError(
      exitCode.conflict,
      `nothing was made, as there are already: ${there.join(', ')}; what is there is not written over (docs/operations/rotation.md says how each is replaced)`,
    );
  }
  writeAll([...parts.values()].map((part) => ({ ...part, path: at(part.path) })));
  const toCome = [...new Map(named.map((each) => [at(each.path), each]))].flatMap(
    ([path, { setting, told }]) =>
      existsSync(path) ? [] : [{ path, setting: told, from: originOf(setting) }],
  );
  const made = [...parts.values()].map(({ path, setting, fingerprint }) => ({
    ...{ path: at(path), setting, fingerprint },
  }));
  return { made, toCome };
}

function writeAll(parts: readonly Part[]): void {
  const written: string[] = [];
  try {
    for (const { path, content, isPublic, isApart } of parts) {
      // Each process has an account of its own, and finds its own files in there.
      mkdirSync(dirname(dirname(path)), { recursive: true, mode: 0o755 });
      mkdirSync(dirname(path), { recursive: true, mode: isApart === true ? 0o700 : 0o755 });
      writeFileSync(path, content, { mode: isPublic ? 0o444 : 0o400, flag: 'wx' });
      written.push(path);
    }
  } catch (cause) {
    // Nobody has used them yet; half of them would be in the way of the next try.
    for (const path of written) rmSync(path, { force: true });
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CliError(exitCode.error, `nothing was made: ${why}`, { cause });
  }
}
