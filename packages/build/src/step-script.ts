/**
 * The shell script of a step, under umask 022, so that modes do not depend on who builds: every command is shown with `+ ` before it runs, and the first that fails ends the step.
 * (Woodpecker's semantics, so that its files behave here as they do there.)
 */
export function stepScript(commands: readonly string[]): string {
  const lines = commands.flatMap((command) => [
    `printf '%s\\n' ${quoted(`+ ${command}`)}`,
    command,
  ]);
  return ['umask 022', 'set -e', ...lines, ''].join('\n');
}

/** One word for a POSIX shell, whatever is in it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
