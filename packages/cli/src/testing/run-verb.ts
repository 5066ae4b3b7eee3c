/** A verb as the command line runs it, for tests: what it prints comes back line by line. */
import { Command } from 'commander';
import type { Print } from '../print.ts';

/** @throws whatever the verb throws, and commander's own refusal of what it does not know. */
export async function runVerb(
  register: (program: Command, print: Print) => void,
  args: readonly string[],
): Promise<string[]> {
  const printed: string[] = [];
  const quiet = { writeErr: () => undefined, writeOut: () => undefined };
  const program = new Command('airlock').exitOverride().configureOutput(quiet);
  register(program, (lines) => printed.push(...lines));
  await program.parseAsync([...args], { from: 'user' });
  return printed;
}
