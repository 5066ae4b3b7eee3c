/** `airlock return`: a target back to a release that was live there before. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { toStdout, type Print } from '../print.ts';
import { returnTarget, type ReturnOptions } from '../release-commands.ts';

type Answer = ReturnOptions['answer'][number];

export function registerReturn(program: Command, print: Print = toStdout): void {
  program
    .command('return')
    .argument('<target>', 'such as prod-eu')
    .description('ask to return a target to a release that was live there before')
    .addOption(
      new Option(
        '--as <person>',
        'whose request, in the demo: dana, leo, mira, oke or aud',
      ).default('mira'),
    )
    .option(
      '--to <release>',
      'a release, or the delivery by which it was live; left out: list them',
    )
    .addOption(
      new Option(
        '--answer <migration=answer>',
        'tolerates: it stays, and the release works with it; down: its undoing file takes it back',
      )
        .argParser(answersOf)
        .default([], 'none'),
    )
    .option('-m, --message <reason>', 'why; approvers read and sign it', '')
    .action(async (target: string, options: ReturnOptions) => {
      print([await returnTarget(target, options)]);
    });
}

function answersOf(text: string, before: readonly Answer[]): readonly Answer[] {
  const at = text.lastIndexOf('=');
  const [path, answer] = [text.slice(0, at), text.slice(at + 1)];
  if (at < 1 || (answer !== 'tolerates' && answer !== 'down')) {
    throw new InvalidArgumentError('expected PATH=tolerates or PATH=down.');
  }
  return [...before, { path, answer }];
}
