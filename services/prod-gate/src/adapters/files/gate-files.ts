/**
 * The files that say what may happen here: targets, roster, pinned signers, hooks. Read anew for every decision, so that a
 * changed file counts from the next decision on, and one that administrators did not sign stops decisions.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { sha256Hex } from '@airlock/common/encoding/hex';
import type { Administrators } from '@airlock/common/trust/administrators';
import type { VerifiedManifest } from '@airlock/common/trust/configuration-manifest';
import { ConfigurationError, FilePath } from '@airlock/process/config';
import {
  parseConfiguration,
  readAdministrators,
  readConfiguration,
  unlistedDeciders,
  verifyConfiguration,
  type ConfigurationBytes,
  type ConfigurationFiles,
} from '@airlock/process/configuration-directory';
import type { Runtime } from '@airlock/process/main';
import { z } from 'zod';
import type { GateFiles } from '../../app/configuration-ports.ts';
import { readHook, readHookKind } from './hook-files.ts';

export const GateFilesSettings = z.strictObject({
  directory: FilePath.describe(
    'Directory of trust.json, roster.yaml, targets/ and manifest.dsse.json, in which administrators signed them; may be a symbolic link that is switched to change all at once.',
  ),
  administratorsFile: FilePath.describe(
    'administrators.json: whose signatures that manifest needs. The root of trust: put there by hand, outside the directory, read once at start.',
  ),
  hooksDirectory: FilePath.describe(
    'Directory of the registered deploy hooks, one directory each.',
  ),
});
export type GateFilesSettings = z.infer<typeof GateFilesSettings>;

/** Whoever replaces files one after the other is done within this time; what does not fit is looked at again before it is a fault. */
const settleMs = 60;
const looks = 3;

/**
 * Reads the root of trust and the files once, and gives the function that reads the files anew. Signatures are verified and
 * keys imported once for each manifest; the bytes of every file are hashed at every call.
 *
 * @param options.onRead told the digest of the manifest each time that the files were read and hold.
 * @param options.demo whether a person who decides may be without `passkeys` in the roster: in the demo alone.
 * @throws ConfigurationError as every later call does: it names the file and what to mend; nothing is decided on half of
 *   the files.
 */
export async function openGateFiles(
  settings: GateFilesSettings,
  options: { readonly demo: boolean; onRead?(manifestDigest: string): void },
): Promise<() => Promise<GateFiles>> {
  const administrators = await readAdministrators(settings.administratorsFile);
  let known: Known | null = null;
  const read = async (): Promise<GateFiles> => {
    known = await settled(settings.directory, administrators, known, options);
    options.onRead?.(known.verified.digest);
    return gateFiles(known, settings.hooksDirectory);
  };
  await read();
  let next: Promise<GateFiles> | null = null;
  // Those that ask before the reading begins share it: nobody gets what was read before he asked.
  return () =>
    (next ??= Promise.resolve().then(() => {
      next = null;
      return read();
    }));
}

/**
 * How a process reads the files: in the demo everybody may add a passkey and approve with it at once (`AIRLOCK_DEMO` says that
 * it is one), and every line of the log names the signed configuration, by the digest that the ledger has of it.
 */
export const toldInLog = (
  runtime: Pick<Runtime, 'inEveryLine'>,
): Parameters<typeof openGateFiles>[1] => ({
  demo: process.env['AIRLOCK_DEMO'] === '1',
  onRead: (digest) => {
    runtime.inEveryLine({ 'config.signed': digest });
  },
});

type Known = {
  readonly envelope: Buffer;
  readonly verified: VerifiedManifest;
  readonly parsed: ConfigurationFiles;
  readonly files: ConfigurationBytes;
};

async function settled(
  directory: string,
  administrators: Administrators,
  known: Known | null,
  options: { readonly demo: boolean },
): Promise<Known> {
  for (let look = 1; ; look += 1) {
    try {
      return await readOnce(directory, administrators, known, options);
    } catch (cause) {
      const another = cause instanceof ConfigurationError && look < looks;
      if (!another || cause.code !== 'configuration-untrusted') throw cause;
      await delay(settleMs);
    }
  }
}

async function readOnce(
  directory: string,
  administrators: Administrators,
  known: Known | null,
  options: { readonly demo: boolean },
): Promise<Known> {
  const { envelope, files } = await readConfiguration(directory);
  const same = known !== null && envelope?.equals(known.envelope) === true;
  const verified = verifyConfiguration(directory, {
    manifest: same ? known.verified : null,
    ...{ envelope, files, administrators },
  });
  // The same manifest, whose digests these bytes have: what was parsed is what they say.
  if (same) return known;
  const parsed = parseConfiguration(directory, files);
  const unlisted = options.demo ? [] : unlistedDeciders(parsed);
  if (unlisted.length > 0) {
    throw new ConfigurationError(
      'configuration-refused',
      `${join(directory, 'roster.yaml')}: people: ${unlisted.join(', ')} approve, lift stops or look at deliveries by break-glass, and have no passkeys key; list the enrolments that count (their page /me shows each as a line to paste), or passkeys: [] until there is one`,
    );
  }
  // verifyConfiguration throws without one.
  return { envelope: envelope ?? Buffer.alloc(0), verified, parsed, files };
}

function gateFiles(known: Known, hooksDirectory: string): GateFiles {
  const { envelope, verified, parsed, files } = known;
  const { manifest, digest, signers } = verified;
  return {
    ...parsed,
    manifest: {
      serial: manifest.serial,
      previous: manifest.previous,
      digest,
      signers,
      envelope,
    },
    bytes: new Map([...files.values()].map((bytes) => [sha256Hex(bytes), bytes])),
    trustDigest: sha256Hex(files.get('trust.json') ?? Buffer.alloc(0)),
    hookDigest: async (name) => (await readHook(hooksDirectory, name))?.digest ?? null,
    hookKind: (hook) => readHookKind(hooksDirectory, hook),
  };
}
