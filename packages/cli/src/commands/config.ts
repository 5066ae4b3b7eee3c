/** `airlock config`: how people change what a gate decides by, and `airlock keygen`, with which they begin. */
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { TrustError } from '@airlock/common/trust/signer';
import type { Administrators } from '@airlock/common/trust/administrators';
import { quorumFault, type VerifiedManifest } from '@airlock/common/trust/configuration-manifest';
import { readConfiguration, verifyConfiguration } from '@airlock/process/configuration-directory';
import { readPrivateKey } from '@airlock/process/private-key';
import { Option, type Command } from 'commander';
import { ZodError } from 'zod';
import {
  administratorsAt,
  administratorsOption,
  directoryArgument,
  directoryOption,
  onFiles,
} from '../configuration/places.ts';
import {
  currentProposal,
  discardDraft,
  draftOf,
  propose,
  signProposal,
  startDraft,
  type Proposed,
} from '../configuration/proposal.ts';
import { told } from '../configuration/tell.ts';
import { CliError, exitCode } from '../exit-codes.ts';
import { toStdout, type Print } from '../print.ts';
import { registerConfigCheck } from './config-check.ts';
import { registerConfigDiff } from './config-diff.ts';
import { administratorsFile, type Administrator } from '../setup/administrators.ts';
import { readPublicKey, writeKeyPair, writeNew } from '../setup/key-files.ts';

type Place = { readonly directory: string };

export function registerConfig(program: Command, print: Print = toStdout): void {
  program
    .command('keygen')
    .argument('<file>', 'where to write the private key, such as ada.pem; ada.pub.pem beside it')
    .description('make a key pair: for an administrator, or for a signer on the signer’s host')
    .addOption(
      new Option('--alg <algorithm>', 'what it signs with')
        .choices(['ecdsa-p256-sha256', 'ed25519'])
        .default('ecdsa-p256-sha256'),
    )
    .action((file: string, { alg }: { alg: 'ecdsa-p256-sha256' | 'ed25519' }) => {
      const { publicFile, key } = writeKeyPair(file, alg);
      print([
        `key ${key.keyid}`,
        `private: ${file} (0600; never leaves this machine)`,
        `public: ${publicFile}`,
      ]);
    });

  const config = program
    .command('config')
    .description('change what a gate decides by: files that a quorum of administrators signs');
  config
    .command('administrators')
    .description(
      'write the root of trust; install the file by hand beside every process of the gate',
    )
    .requiredOption(
      '--person <name,domain,file>',
      'a person, who administers them, and their public key; once for each',
      (text: string, list: readonly Administrator[]) => [...list, personOf(text)],
      [],
    )
    .option('--threshold <n>', 'how many must sign', '2')
    .option('--domains <n>', 'of how many administrative domains', '1')
    .requiredOption('--to <file>', 'where to write it, such as administrators.json')
    .action(
      (given: {
        person: readonly Administrator[];
        threshold: string;
        domains: string;
        to: string;
      }) => {
        if (existsSync(given.to)) {
          throw new CliError(
            exitCode.conflict,
            `${given.to} is there already; name another file, compare, then replace it by hand`,
          );
        }
        const quorum = { threshold: Number(given.threshold), domains: Number(given.domains) };
        writeNew(given.to, rootOfTrust(quorum, given.person));
        print([
          `${given.to}: ${quorum.threshold} of ${given.person.length} people must sign, of ${quorum.domains} administrative domains`,
        ]);
      },
    );
  config
    .command('propose')
    .description(
      'draft a change; then, when the files in proposed/ are edited, write what is to be signed',
    )
    .addOption(directoryOption())
    .option('-m, --message <why>', 'kept in the proposal for those who sign')
    .action(async ({ directory, message }: Place & { message?: string }) => {
      if (await onFiles(() => startDraft(directory))) {
        print([
          `${draftOf(directory)} has the files in force; edit them there, then run airlock config propose${directoryArgument(directory)} again`,
        ]);
        return;
      }
      print(told(await onFiles(() => propose(directory, message ?? null)), directory));
    });
  config
    .command('status')
    .description('what is in force, what is proposed, who has signed and who is missing')
    .addOption(directoryOption())
    .addOption(administratorsOption())
    .action(async ({ directory, administrators: file }: Place & { administrators: string }) => {
      const administrators = await administratorsAt(file);
      const inForce = await verifiedInForce(directory, administrators);
      if (inForce === null) {
        print(['in force: nothing; no manifest is signed yet']);
      } else {
        const { manifest, digest, signers } = inForce;
        const nameOf = (id: string) => administrators.keys.find(({ keyid }) => keyid === id)?.name;
        const names = signers.map(nameOf).join(' and ');
        print([`in force: number ${manifest.serial}, ${digest}, signed by ${names}`]);
      }
      const proposed = await onFiles(() => currentProposal(directory));
      if (proposed === null) {
        print(['proposed: nothing']);
        return;
      }
      const signed = proposed.signatures.map(({ keyid }) => keyid);
      print([
        ...told(proposed, directory),
        quorumFault(administrators, signed) ?? 'enough have signed',
      ]);
    });
  config
    .command('sign')
    .description(
      'sign the proposal with your key; with the last signature that is needed it comes into force',
    )
    .addOption(directoryOption())
    .addOption(administratorsOption())
    .requiredOption('--key <file>', 'your private key, mode 0600')
    .option(
      '--digest <digest>',
      'what you mean to sign; without it you are asked after the changes are shown',
    )
    .action(async (given: Place & { administrators: string; key: string; digest?: string }) => {
      const { directory } = given;
      const administrators = await administratorsAt(given.administrators);
      const key = await onFiles(() => readPrivateKey('--key', given.key));
      // What is shown is a difference, so that what it is a difference to must be signed as well.
      await verifiedInForce(directory, administrators);
      const proposed = await onFiles(() => currentProposal(directory));
      if (proposed === null) {
        throw new CliError(
          exitCode.usage,
          `${directory} has no proposal; airlock config propose makes one`,
        );
      }
      print(told(proposed, directory));
      await confirm(proposed, given.digest);
      const missing = await onFiles(() =>
        signProposal(directory, { proposed, administrators, key }),
      );
      print([
        missing === null
          ? `signed; number ${proposed.manifest.serial} is in force in ${directory}`
          : `signed; ${missing}`,
      ]);
    });
  config
    .command('discard')
    .description('give up the draft and the proposal; what is in force stays')
    .addOption(directoryOption())
    .action(({ directory }: Place) => {
      print([discardDraft(directory) ? `${draftOf(directory)} is gone` : 'there is no draft']);
    });
  registerConfigCheck(config, print);
  registerConfigDiff(config, print);
}

/** What is in force, files and all, as the gate would verify it; null before the first signature. */
async function verifiedInForce(
  directory: string,
  administrators: Administrators,
): Promise<VerifiedManifest | null> {
  return onFiles(async () => {
    const { envelope, files } = await readConfiguration(directory);
    if (envelope === null) return null;
    return verifyConfiguration(directory, { envelope, files, administrators });
  });
}

async function confirm({ digest }: Proposed, given: string | undefined): Promise<void> {
  if (given !== undefined) {
    if (given === digest) return;
    throw new CliError(
      exitCode.conflict,
      `the proposal is ${digest}, and you mean ${given}; look at it again`,
    );
  }
  if (!process.stdin.isTTY) {
    throw new CliError(
      exitCode.usage,
      'nobody is there to ask; give --digest with what you mean to sign',
    );
  }
  const ask = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await ask.question('sign this? yes or no: ');
  ask.close();
  if (answer.trim() !== 'yes') throw new CliError(exitCode.notAllowed, 'nothing is signed');
}

function personOf(text: string): Administrator {
  const [name, adminDomain, ...rest] = text.split(',');
  const file = rest.join(',');
  if (name === undefined || adminDomain === undefined || file === '') {
    throw new CliError(
      exitCode.usage,
      `--person ${text}: name,domain,file expected, such as "Ada Novak,platform,ada.pub.pem"`,
    );
  }
  return { name, adminDomain, key: readPublicKey(file) };
}

function rootOfTrust(
  quorum: { threshold: number; domains: number },
  people: readonly Administrator[],
): string {
  try {
    return administratorsFile(quorum, people);
  } catch (cause) {
    if (cause instanceof TrustError) throw new CliError(exitCode.usage, cause.message, { cause });
    if (cause instanceof ZodError) {
      const [issue] = cause.issues;
      throw new CliError(
        exitCode.usage,
        `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
        { cause },
      );
    }
    throw cause;
  }
}
