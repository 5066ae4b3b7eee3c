/** `airlock ask`: a question, or an answer, on a promotion that has not ended. */
import { Option, type Command } from 'commander';
import { toStdout, type Print } from '../print.ts';
import { promotionPath, signIn } from '../release-commands.ts';

export function registerAsk(program: Command, print: Print = toStdout): void {
  program
    .command('ask')
    .argument('<promotion>', 'id such as prm_7k2q9x0d1f')
    .argument('<text>', 'question or answer, at most 1000 characters')
    .description('write a question or an answer on a promotion; it decides nothing')
    .addOption(
      new Option('--as <person>', 'whose words, in the demo: dana, leo, mira, oke or aud').default(
        'mira',
      ),
    )
    .action(async (id: string, text: string, options: { as: string }) => {
      const path = `${promotionPath(id)}/remarks`;
      const session = await signIn(options.as);
      await session.postJson(path, { text });
      print([
        `${options.as} wrote on ${id}. Answers stand on its page: ${session.origin}/promotions/${id}`,
      ]);
    });
}
