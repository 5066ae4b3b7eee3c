/** `airlock approve`, `airlock withdraw` and `airlock security-key enrol`: decisions of people, each with a key in their hand. */
import { readFileSync } from 'node:fs';
import { approvalNamespace } from '@airlock/common/constants';
import { Option, type Command } from 'commander';
import {
  approveBySsh,
  describeStatement,
  enrolSecurityKey,
  hardwareSigner,
} from '../approve-by-ssh.ts';
import { chosenSigner } from '../chosen-signer.ts';
import { CliError, exitCode } from '../exit-codes.ts';
import { toStdout, type Print } from '../print.ts';
import { approveRelease, signIn, withdrawApproval } from '../release-commands.ts';

const promotionForm = 'id such as prm_7k2q9x0d1f';
const as = (): Option =>
  new Option('--as <person>', 'whose eyes, in the demo: dana, leo, mira, oke or aud').default(
    'mira',
  );

type ApproveOptions = {
  as: string;
  message: string;
  sshKey?: string;
  softwareKey?: true;
  statement?: string;
  document?: string;
};

export function registerApprove(program: Command, print: Print = toStdout): void {
  program
    .command('approve')
    .argument('[promotion]', promotionForm)
    .description(
      'approve with a security key of OpenSSH, or in the demo with a software passkey; everywhere else in the browser',
    )
    .addOption(as())
    .option('-m, --message <note>', 'kept with the approval', '')
    .option('--ssh-key <file>', 'sign with ssh-keygen and this hardware key (-t ed25519-sk)')
    .option('--software-key', 'sign with a security key in software (demo only)')
    .option('--statement <file>', 'sign this statement from the page, offline; print the signature')
    .option('--document <file>', 'the document.json that the statement is about')
    .action(async (id: string | undefined, options: ApproveOptions) => {
      if (options.statement !== undefined) {
        signOffline(options, print);
        return;
      }
      if (id === undefined)
        throw new CliError(exitCode.usage, `name the promotion, an ${promotionForm}`);
      const signer = chosenSigner(options);
      if (signer === null) {
        print([await approveRelease(id, options)]);
        return;
      }
      const session = await signIn(options.as);
      await approveBySsh(session, { promotionId: id, signer, note: options.message, show: print });
      print([`${options.as} approved. See ${session.origin}/promotions/${id}`]);
    });

  program
    .command('withdraw')
    .argument('<promotion>', promotionForm)
    .description('take your approval back, until the delivery begins')
    .addOption(as())
    .option('-m, --message <reason>', 'shown to the others', '')
    .action(async (id: string, options: { as: string; message: string }) => {
      print([await withdrawApproval(id, options)]);
    });

  program
    .command('security-key')
    .description('security keys of OpenSSH at the gate')
    .command('enrol')
    .description('enrol a hardware key, to approve without a browser')
    .addOption(as())
    .option('--ssh-key <file>', 'a key made with ssh-keygen -t ed25519-sk -O verify-required')
    .option('--software-key', 'a security key in software (demo only)')
    .option('--label <name>', 'so that you know it again', 'security key')
    .action(async (options: { as: string; label: string; sshKey?: string; softwareKey?: true }) => {
      const signer = chosenSigner(options);
      if (signer === null) throw new CliError(exitCode.usage, 'name the key: --ssh-key FILE');
      const fingerprint = await enrolSecurityKey(await signIn(options.as), signer, options.label);
      print([
        `${options.as} enrolled ${fingerprint}. It counts once it stands in the ledger and, where the roster lists passkeys, in the roster.`,
      ]);
    });
}

function signOffline({ statement, document, sshKey }: ApproveOptions, print: Print): void {
  if (statement === undefined || document === undefined || sshKey === undefined) {
    throw new CliError(
      exitCode.usage,
      'offline it takes --statement FILE, --document FILE and --ssh-key FILE',
    );
  }
  const bytes = read(statement);
  const lines = describeStatement(bytes, read(document));
  // The signature alone goes to standard output: it is what is handed in.
  process.stderr.write(`${['You sign this:', ...lines].join('\n')}\n`);
  print([hardwareSigner(sshKey).sign(approvalNamespace, bytes).trimEnd()]);
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new CliError(exitCode.usage, `${file} cannot be read; name an existing file`, { cause });
  }
}
