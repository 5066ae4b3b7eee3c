/** `airlock signer`: whose signatures a gate counts. Every change is a proposal that administrators sign. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatTimestamp, parseTimestamp, TimeError } from '@airlock/common/time';
import { Duration } from '@airlock/common/policy/duration';
import { SignerRole, TrustError } from '@airlock/common/trust/signer';
import {
  distrustSigner,
  pinSigner,
  rotateSigner,
  rowOf,
  type TrustFile,
  type TrustFileRow,
} from '@airlock/common/trust/trust-file';
import { parseTrust } from '@airlock/process/configuration-directory';
import { Option, type Command } from 'commander';
import { directoryOption, onFiles } from '../configuration/places.ts';
import { discardDraft, draftOf, propose, startDraft } from '../configuration/proposal.ts';
import { told } from '../configuration/tell.ts';
import { CliError, exitCode } from '../exit-codes.ts';
import { toStdout, type Print } from '../print.ts';
import { signIn } from '../release-commands.ts';
import { readPublicKey } from '../setup/key-files.ts';
import { requestStop, stopLines } from '../stop-requests.ts';

type Place = { readonly directory: string };
type Change = Place & { readonly message?: string };

export function registerSigner(program: Command, print: Print = toStdout): void {
  const signer = program
    .command('signer')
    .description(
      'whose signatures a gate counts; changes become a proposal for airlock config sign',
    );
  const message = (): Option =>
    new Option('-m, --message <why>', 'kept in the proposal for those who sign');

  signer
    .command('list')
    .description('every pinned key, what it may sign and whether it counts now')
    .addOption(directoryOption())
    .action(async ({ directory }: Place) => {
      const file = join(directory, 'trust.json');
      const { file: trust } = await onFiles(() => parseTrust(file, readText(file)));
      print(trust.signers.map((row) => rowLine(row, new Date())));
    });

  signer
    .command('pin')
    .description('count a key from now on')
    .addOption(directoryOption())
    .addOption(message())
    .requiredOption('--key <file>', 'its public key, PEM')
    .addOption(
      new Option('--role <role...>', 'kinds of statement it may sign')
        .choices(SignerRole.options)
        .makeOptionMandatory(),
    )
    .option('--builder <id...>', 'builders it may speak for, exactly; none for a promotion key', [])
    .requiredOption('--admin-domain <name>', 'who administers the machine that holds it')
    .option('--not-before <time>', 'such as 2026-11-22T10:00:00Z; default now')
    .requiredOption('--not-after <time>', 'such as 2027-11-22T10:00:00Z')
    .action(
      async (
        given: Change & {
          key: string;
          role: SignerRole[];
          builder: string[];
          adminDomain: string;
          notBefore?: string;
          notAfter: string;
        },
      ) => {
        const key = readPublicKey(given.key);
        const row: TrustFileRow = {
          ...key,
          roles: given.role,
          builderIds: given.builder,
          notBefore:
            given.notBefore === undefined ? formatTimestamp(new Date()) : time(given.notBefore),
          notAfter: time(given.notAfter),
          adminDomain: given.adminDomain,
        };
        print(await change(given, `pin ${key.keyid}`, (file) => pinSigner(file, row)));
      },
    );

  signer
    .command('rotate')
    .argument('<keyid>', 'the key that is to end, or its beginning')
    .description('put a new key beside an old one; both count until the overlap is over')
    .addOption(directoryOption())
    .addOption(message())
    .requiredOption('--key <file>', 'the new public key, PEM')
    .option('--overlap <duration>', 'how long the old one still counts, such as 7d', '7d')
    .option(
      '--not-after <time>',
      'end of the new key; default: it counts as long as the old one did',
    )
    .action(
      async (
        keyid: string,
        given: Change & { key: string; overlap: string; notAfter?: string },
      ) => {
        const overlap = Duration.safeParse(given.overlap);
        if (!overlap.success) {
          throw new CliError(
            exitCode.usage,
            `--overlap ${given.overlap}: a number and one of s, m, h, d expected, such as 7d`,
          );
        }
        const now = new Date();
        const key = readPublicKey(given.key);
        const lines = await change(given, `rotate ${keyid} to ${key.keyid}`, (file) => {
          const old = rowOf(file, wholeKeyId(file, keyid));
          const span = Date.parse(old.notAfter) - Date.parse(old.notBefore);
          const notAfter =
            given.notAfter === undefined
              ? new Date(now.getTime() + span)
              : new Date(time(given.notAfter));
          return rotateSigner(file, old.keyid, {
            key,
            now,
            overlapSeconds: overlap.data,
            notAfter,
          });
        });
        print([
          ...lines,
          `then: give the signer both keys (keys.ROLE: [old file, new file]), and take the old one from it before ${formatTimestamp(new Date(now.getTime() + overlap.data * 1000))}`,
        ]);
      },
    );

  signer
    .command('distrust')
    .argument('<keyid>', 'the key, or its beginning')
    .description('count nothing that a key signed, ever: releases that rest on it stop')
    .addOption(directoryOption())
    .requiredOption('-m, --message <why>', 'kept in the proposal for those who sign')
    .option('--since <time>', 'when it was lost, such as 2026-11-22T10:00:00Z; default now')
    .option(
      '--now',
      'propose nothing, but stop at the running gate what it signed since then, or ever without --since: that takes one person',
    )
    .addOption(
      new Option('--as <person>', 'who stops, in the demo: leo, mira or oke').default('mira'),
    )
    .action(async (keyid: string, given: Change & Distrust) => {
      const since = given.since === undefined ? new Date() : new Date(time(given.since));
      if (since > new Date()) {
        throw new CliError(
          exitCode.usage,
          `--since ${given.since ?? ''} is not over yet; a key that is to end later is rotated`,
        );
      }
      if (given.now === true) {
        print(await distrustNow(keyid, given));
        return;
      }
      print(
        await change(given, `distrust ${keyid}`, (file) =>
          distrustSigner(file, wholeKeyId(file, keyid), since),
        ),
      );
    });
}

type Distrust = {
  readonly since?: string;
  readonly now?: true;
  readonly as: string;
  readonly message: string;
};

/** What the proposal will say for good once enough administrators have signed it, one person says at once. */
async function distrustNow(
  keyid: string,
  { directory, since, as, message }: Place & Distrust,
): Promise<string[]> {
  const file = join(directory, 'trust.json');
  const matter = await onFiles(
    () => `key:${wholeKeyId(parseTrust(file, readText(file)).file, keyid)}`,
  );
  const stop = await requestStop(await signIn(as), {
    ...{ kind: 'distrust-signer', matter, reason: message },
    ...(since === undefined ? {} : { since: new Date(time(since)).toISOString() }),
  });
  return [...stopLines(stop), `  For good: airlock signer distrust ${keyid} -m …, without --now`];
}

/** Edits trust.json of the draft, which is begun if there is none, and proposes what comes of it. */
async function change(
  { directory, message }: Change,
  what: string,
  edit: (file: TrustFile) => TrustFile,
): Promise<string[]> {
  return onFiles(async () => {
    const begun = await startDraft(directory);
    const path = join(draftOf(directory), 'trust.json');
    // The first key of a new gate makes the file.
    const file = existsSync(path)
      ? parseTrust(path, readText(path)).file
      : { version: 1 as const, signers: [] };
    let changed: TrustFile;
    try {
      changed = edited(file, edit);
    } catch (cause) {
      // What is refused leaves no draft for somebody to propose by mistake.
      if (begun) discardDraft(directory);
      throw cause;
    }
    writeFileSync(path, `${JSON.stringify(changed, null, 2)}\n`);
    const proposed = await propose(directory, message === undefined ? what : `${what}: ${message}`);
    return told(proposed, directory);
  });
}

function edited(file: TrustFile, edit: (file: TrustFile) => TrustFile): TrustFile {
  try {
    return edit(file);
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause;
    throw new CliError(exitCode.conflict, cause.message, { cause });
  }
}

/** Key ids are long; enough of the beginning to mean one is enough. */
function wholeKeyId(file: TrustFile, beginning: string): string {
  const found = file.signers.filter(({ keyid }) => keyid.startsWith(beginning));
  const [only] = found;
  if (beginning.length >= 6 && only !== undefined && found.length === 1) return only.keyid;
  const known = file.signers.map(({ keyid }) => keyid).join(', ');
  throw new CliError(
    exitCode.usage,
    `${beginning} is not the beginning (6 characters or more) of one of: ${known}`,
  );
}

function rowLine(row: TrustFileRow, now: Date): string {
  const builders = row.builderIds.length === 0 ? '' : ` for ${row.builderIds.join(', ')}`;
  return `${row.keyid}  ${stateOf(row, now)}\n  ${row.roles.join(', ')}${builders}; ${row.alg}; ${row.adminDomain}; ${row.notBefore} to ${row.notAfter}`;
}

function stateOf(row: TrustFileRow, now: Date): string {
  if (row.revokedAt !== undefined) return `distrusted since ${row.revokedAt}`;
  if (now < new Date(row.notBefore)) return 'not yet';
  return now > new Date(row.notAfter) ? 'ended' : 'counts';
}

function time(text: string): string {
  try {
    return formatTimestamp(parseTimestamp(text));
  } catch (cause) {
    if (!(cause instanceof TimeError)) throw cause;
    throw new CliError(exitCode.usage, `${text}: ${cause.message}`, { cause });
  }
}

function readText(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new CliError(exitCode.usage, `${file} cannot be read; give its directory with -C`, {
      cause,
    });
  }
}
