/** `airlock break-glass`: asking that a promotion pass with fewer approvals and outside its windows. Never without a reason, and never alone. */
import { Option, type Command } from 'commander';
import { CliError, exitCode } from '../exit-codes.ts';
import { toStdout, type Print } from '../print.ts';
import { demoContext, signIn } from '../release-commands.ts';

type Options = { as: string; message?: string; withdraw?: true };

export function registerBreakGlass(program: Command, print: Print = toStdout): void {
  program
    .command('break-glass')
    .argument('<promotion>', 'id such as prm_7k2q9x0d1f')
    .description(
      'ask that it pass with the approvals of breakGlass in the target file, also outside the windows',
    )
    .addOption(
      new Option('--as <person>', 'whose eyes, in the demo: dana, leo, mira, oke or aud').default(
        'mira',
      ),
    )
    .option('-m, --message <justification>', 'why it cannot wait; at least 20 characters')
    .option('--withdraw', 'take it back')
    .action(async (id: string, options: Options) => {
      print([await breakGlass(id, options)]);
    });
}

async function breakGlass(id: string, { as, message, withdraw }: Options): Promise<string> {
  if (!/^prm_[0-9a-z]{10}$/.test(id)) {
    throw new CliError(
      exitCode.usage,
      `${JSON.stringify(id)} is no promotion; ids look like prm_7k2q9x0d1f and stand in: airlock queue`,
    );
  }
  const path = `/api/v1/promotions/${id}/break-glass`;
  if (withdraw === true) {
    const session = await signIn(as);
    await session.postJson(`${path}/withdrawal`, {});
    return `${as} took break-glass on ${id} back; it waits for its ordinary approvals and windows.`;
  }
  if (message === undefined) {
    throw new CliError(exitCode.usage, 'say why it cannot wait: -m "…", at least 20 characters');
  }
  const session = await signIn(as);
  await session.postJson(path, { justification: message });
  return [
    `${as} asked that ${id} pass by break-glass. Everybody is told. Approvals that were there no longer count.`,
    `Approve it within seconds with airlock approve ${id}, or in the browser: ${demoContext().gate}/promotions/${id}`,
    `Others look at it afterwards: ${demoContext().gate}/reviews`,
  ].join('\n');
}
