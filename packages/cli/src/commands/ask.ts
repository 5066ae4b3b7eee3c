/** `airlock ask`: a question, or an answer, on a promotion that has not ended; without one, what was asked and answered there. */
import { Option, type Command } from 'commander';
import { z } from 'zod';
import { CliError, exitCode } from '../exit-codes.ts';
import { safe, toStdout, type Print } from '../print.ts';
import { promotionPath, signIn } from '../release-commands.ts';

const Remarks = z.looseObject({
  remarks: z.array(z.looseObject({ name: z.string(), text: z.string(), at: z.string() })),
});
type Remark = z.infer<typeof Remarks>['remarks'][number];

const longest = 1000;

export function registerAsk(program: Command, print: Print = toStdout): void {
  program
    .command('ask')
    .argument('<promotion>', 'id such as prm_7k2q9x0d1f')
    .argument(
      '[text]',
      `question or answer, at most ${longest} characters; without it, what stands there is shown`,
    )
    .description('write a question or an answer on a promotion, or read them; it decides nothing')
    .addOption(
      new Option('--as <person>', 'whose words, in the demo: dana, leo, mira, oke or aud').default(
        'mira',
      ),
    )
    .action(async (id: string, text: string | undefined, options: { as: string }) => {
      const path = `${promotionPath(id)}/remarks`;
      if (text !== undefined) sayable(text);
      const session = await signIn(options.as);
      if (text === undefined) {
        print(remarkLines(Remarks.parse(await session.getJson(path)).remarks));
        return;
      }
      await session.postJson(path, { text });
      print([`${options.as} wrote on ${id}. What stands there: airlock ask ${id}`]);
    });
}

/** @throws CliError `usage`, before anybody signs in */
function sayable(text: string): void {
  const { length } = text.trim();
  if (length > 0 && length <= longest) return;
  throw new CliError(
    exitCode.usage,
    `a question or an answer has 1 to ${longest} characters, and this has ${length}${length === 0 ? '; leave it out to read what stands there' : ''}`,
  );
}

/** For people: who wrote what and when, oldest first. */
export function remarkLines(remarks: readonly Remark[]): string[] {
  if (remarks.length === 0) return ['Nobody has asked anything.'];
  return remarks.flatMap(({ name, text, at }) => [
    `${safe(name)}, ${safe(at.slice(0, 19))}Z`,
    ...text.split(/\n+/).map((line) => `  ${safe(line)}`),
  ]);
}
