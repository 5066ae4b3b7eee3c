/**
 * A change of a gate's configuration on its way: `proposed/` in the configuration directory has the files as they would be, and
 * `proposed/proposal.json` their manifest with the signatures so far. What is in force is not touched before a quorum has
 * signed; then all of it is put in place, the manifest last.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { configurationPayloadType } from '@airlock/common/constants';
import { signEnvelope, type SigningKey } from '@airlock/common/dsse/sign';
import { sha256Hex } from '@airlock/common/encoding/hex';
import type { Administrators } from '@airlock/common/trust/administrators';
import {
  ConfigurationManifest,
  ConfigurationTrustError,
  differencesFrom,
  manifestBytes,
  quorumFault,
  verifyManifest,
} from '@airlock/common/trust/configuration-manifest';
import {
  differenceInWords,
  digestsOf,
  manifestName,
  parseConfiguration,
  readConfiguration,
  type ConfigurationBytes,
} from '@airlock/process/configuration-directory';
import { z } from 'zod';
import { CliError, exitCode } from '../exit-codes.ts';
import { nextManifest, writeManifest } from '../setup/signed-configuration.ts';

const Proposal = z.strictObject({
  manifest: ConfigurationManifest,
  /** Why, in the words of who proposed it; signed by nobody. */
  notes: z.array(z.string()),
  /** As they will stand in the envelope. */
  signatures: z.array(z.strictObject({ keyid: z.string(), sig: z.string() })),
});
type Proposal = z.infer<typeof Proposal>;

export type Proposed = Proposal & {
  /** SHA-256 of the manifest: what is signed. */
  readonly digest: string;
  readonly inForce: ConfigurationBytes;
  readonly files: ConfigurationBytes;
};

export const draftOf = (directory: string): string => join(directory, 'proposed');
const proposalFile = (directory: string): string => join(draftOf(directory), 'proposal.json');

/** Copies the files in force to `proposed/`, where they are edited. False when there is a draft already. */
export async function startDraft(directory: string): Promise<boolean> {
  if (existsSync(draftOf(directory))) return false;
  const { files } = await readConfiguration(directory);
  for (const [path, bytes] of files) {
    const file = join(draftOf(directory), path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
  }
  mkdirSync(join(draftOf(directory), 'targets'), { recursive: true });
  return true;
}

/** Makes the manifest of the drafted files; signatures over an earlier one are gone with it. */
export async function propose(directory: string, note: string | null): Promise<Proposed> {
  const [inForce, draft] = await Promise.all([
    readConfiguration(directory),
    readConfiguration(draftOf(directory)),
  ]);
  parseConfiguration(draftOf(directory), draft.files);
  const manifest = nextManifest(inForce.envelope, draft.files);
  const before = await stored(directory);
  const same = before !== null && manifestBytes(before.manifest).equals(manifestBytes(manifest));
  const proposal: Proposal = {
    manifest,
    notes: [...(before?.notes ?? []), ...(note === null ? [] : [note])],
    signatures: same ? before.signatures : [],
  };
  write(directory, proposal);
  return {
    ...proposal,
    digest: sha256Hex(manifestBytes(manifest)),
    ...{ inForce: inForceOf(inForce), files: draft.files },
  };
}

/**
 * The proposal as it stands; null without one.
 *
 * @throws CliError when its files were edited since, or it does not follow what is in force: then it is proposed anew.
 */
export async function currentProposal(directory: string): Promise<Proposed | null> {
  const proposal = await stored(directory);
  if (proposal === null) return null;
  const [inForce, draft] = await Promise.all([
    readConfiguration(directory),
    readConfiguration(draftOf(directory)),
  ]);
  const [difference] = differencesFrom(proposal.manifest, digestsOf(draft.files));
  if (difference !== undefined) {
    throw new CliError(
      exitCode.conflict,
      `${join(draftOf(directory), difference.path)} ${differenceInWords(difference).replaceAll('signed', 'proposed')}; run airlock config propose again, and everybody signs that`,
    );
  }
  const bytes = manifestBytes(proposal.manifest);
  if (!manifestBytes(nextManifest(inForce.envelope, draft.files)).equals(bytes)) {
    throw new CliError(
      exitCode.conflict,
      `the proposal does not follow ${join(directory, manifestName)}, which was signed meanwhile; run airlock config propose again`,
    );
  }
  return {
    ...proposal,
    digest: sha256Hex(bytes),
    ...{ inForce: inForceOf(inForce), files: draft.files },
  };
}

/**
 * Adds a signature, and puts the files in force when the quorum is reached.
 *
 * @returns what is missing to the quorum, in words; null when the configuration is in force now.
 * @throws CliError when the key is no administrator's, or has signed.
 */
export function signProposal(
  directory: string,
  given: {
    readonly proposed: Proposed;
    readonly administrators: Administrators;
    readonly key: SigningKey;
  },
): string | null {
  const { proposed, administrators, key } = given;
  if (!administrators.keys.some(({ keyid }) => keyid === key.keyid)) {
    const names = administrators.keys.map(({ name }) => name).join(', ');
    throw new CliError(
      exitCode.notAllowed,
      `key ${key.keyid} is none of the administrators' (${names}); sign with one of theirs`,
    );
  }
  if (proposed.signatures.some(({ keyid }) => keyid === key.keyid)) {
    throw new CliError(exitCode.conflict, 'this key has signed; somebody else signs now');
  }
  const envelope = signEnvelope(configurationPayloadType, manifestBytes(proposed.manifest), [key]);
  const signatures = [...proposed.signatures, ...signaturesOf(envelope)];
  write(directory, { manifest: proposed.manifest, notes: proposed.notes, signatures });
  const missing = quorumFault(
    administrators,
    signatures.map(({ keyid }) => keyid),
  );
  if (missing !== null) return missing;
  const whole = JSON.stringify({ ...parsedEnvelope(envelope), signatures });
  // A signature that another person's disk or an editor damaged must not stop the gate.
  requireVerified(Buffer.from(whole), administrators);
  install(directory, proposed, whole);
  return null;
}

/** Goes back to what is in force. False without a draft. */
export function discardDraft(directory: string): boolean {
  if (!existsSync(draftOf(directory))) return false;
  rmSync(draftOf(directory), { recursive: true });
  return true;
}

/** Where nothing is signed yet, every file of a proposal is new to who signs. */
const inForceOf = ({ envelope, files }: Awaited<ReturnType<typeof readConfiguration>>) =>
  envelope === null ? new Map<string, Buffer>() : files;

function requireVerified(envelope: Buffer, administrators: Administrators): void {
  try {
    verifyManifest(envelope, administrators);
  } catch (cause) {
    if (!(cause instanceof ConfigurationTrustError)) throw cause;
    throw new CliError(exitCode.failedCheck, `${cause.code}: ${cause.message}`, { cause });
  }
}

function install(directory: string, { manifest, files }: Proposed, envelope: string): void {
  for (const [path, bytes] of files) {
    const file = join(directory, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.new`, bytes);
    renameSync(`${file}.new`, file);
  }
  writeManifest(directory, envelope);
  // Last: a target file that is taken away still had to be there for the manifest before.
  for (const path of targetsIn(directory, manifest)) rmSync(path);
  rmSync(draftOf(directory), { recursive: true });
}

function targetsIn(directory: string, manifest: ConfigurationManifest): string[] {
  return readdirSync(join(directory, 'targets'))
    .filter((name) => name.endsWith('.yaml') && !(`targets/${name}` in manifest.files))
    .map((name) => join(directory, 'targets', name));
}

async function stored(directory: string): Promise<Proposal | null> {
  const file = proposalFile(directory);
  if (!existsSync(file)) return null;
  const text = await readFile(file, 'utf8');
  try {
    return Proposal.parse(JSON.parse(text));
  } catch (cause) {
    throw new CliError(
      exitCode.configuration,
      `${file} is not a proposal; remove it and run airlock config propose`,
      { cause },
    );
  }
}

function write(directory: string, proposal: Proposal): void {
  const file = proposalFile(directory);
  writeFileSync(`${file}.new`, `${JSON.stringify(proposal, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}

const Envelope = z.looseObject({ signatures: Proposal.shape.signatures });
const parsedEnvelope = (text: string) => Envelope.parse(JSON.parse(text));
const signaturesOf = (text: string): Proposal['signatures'] => parsedEnvelope(text).signatures;
