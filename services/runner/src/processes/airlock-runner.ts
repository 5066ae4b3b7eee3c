/**
 * `airlock-runner COMMAND …`: what a machine that executes builds is made and run with. Each command is a process of its own
 * file, and has its own arguments and exit codes; called wrongly it ends with 2.
 */
import { buildInWords, thisBuild } from '@airlock/process/build';

const commands = {
  join: () => import('./join.ts'),
  agent: () => import('./agent.ts'),
  selftest: () => import('./selftest.ts'),
} as const;

const usage = `usage: airlock-runner COMMAND …

  join https://HOST:PORT --token-file FILE [--to DIRECTORY]        makes this machine a runner
  agent --config FILE.yaml [--once]                                takes jobs
  selftest [--mode bubblewrap|podman|user] [--json] [--secret FILE]…  tries to get out of the sandbox
`;

const [name = '', ...rest] = process.argv.slice(2);
if (name === '--help' || name === 'help') {
  process.stdout.write(usage);
} else if (name === '--version') {
  process.stdout.write(`airlock-runner ${buildInWords(thisBuild())}\n`);
} else if (isCommand(name)) {
  // Each reads its own arguments, from where it would find them if it had been started itself.
  process.argv.splice(2, process.argv.length, ...rest);
  await commands[name]();
} else {
  process.stderr.write(name === '' ? usage : `airlock-runner: there is no ${name}\n${usage}`);
  process.exitCode = 2;
}

function isCommand(text: string): text is keyof typeof commands {
  return Object.hasOwn(commands, text);
}
