/** Commands that say a secret aloud. Masking knows the forms that programs usually print, and no others. */
import type { Environment } from './variable-values.ts';
import { join, type FaultList, type YamlValue } from './yaml-file.ts';

/**
 * Warns where a step that has secrets prints one, or all that it has, into its log: `echo`, `printf` and `printenv` of one,
 * `env`, `printenv`, `set` and `export` alone, and `set -x`. What goes into a pipe, a file or another command is not printed. A
 * hint for people, and no defence: whoever wants to print one finds a way.
 *
 * @param commands the value of `commands`, for the places.
 */
export function warnOfEchoes(
  commands: YamlValue,
  path: string,
  environment: Environment,
  faults: FaultList,
): void {
  const secrets = Object.entries(environment).flatMap(([name, value]) =>
    typeof value === 'string' ? [] : [name],
  );
  if (secrets.length === 0) return;
  const items = commands.kind === 'list' ? commands.items : [commands];
  items.forEach((item, index) => {
    if (item.kind !== 'scalar' || typeof item.value !== 'string') return;
    const here = commands.kind === 'list' ? join(path, String(index)) : path;
    for (const said of simpleCommands(withoutHereDocuments(item.value))) {
      const why = printedBy(said, secrets);
      if (why !== null) faults.warn(item.at, here, `\`${said.words.slice(0, 60)}\` ${why}`);
    }
  });
}

/** A simple command. */
interface Said {
  readonly words: string;
  /** What the shell does not take literally. */
  readonly expanded: string;
  /** Whether its output is the step's. */
  readonly logged: boolean;
}

const before = /^(?:(?:then|do|else|time|!|\{)\s+)*/;
const printers = /^(?:echo|printf|printenv)\s/;
const everything = /^(?:env|printenv|set|export(?:\s+-p)?)(?:\s+>&[12])?$/;

/** What there is to say of it; null when it prints no secret. */
function printedBy({ words, expanded, logged }: Said, secrets: readonly string[]): string | null {
  const command = words.replace(before, '');
  // The shell writes its trace to where errors go, whatever becomes of the output.
  if (traces(command)) {
    return `prints each command with the values that it is given, and this step has the secret in ${listed(secrets)}; masking hides only the forms that it knows. Take it out, or write \`set +x\` before what uses a secret`;
  }
  if (!logged) return null;
  if (everything.test(command)) {
    return `prints all variables, with the secret in ${listed(secrets)}; masking hides only the forms that it knows. Print by name those that you want to see`;
  }
  if (!printers.test(command)) return null;
  const name = named(command, expanded).find((each) => secrets.includes(each));
  return name === undefined
    ? null
    : `prints the secret in ${name}; masking hides only the forms that it knows. Take it out, or hand the value over by a pipe or a file`;
}

/** Word by word: an expression that finds the x among the letters takes the square of their number. */
function traces(command: string): boolean {
  const [program, ...words] = command.split(/\s+/);
  if (program !== 'set') return false;
  for (const [index, word] of words.entries()) {
    if (!/^[-+][A-Za-z]/.test(word)) {
      // The name of an option; anything else ends the options.
      if (/^[-+][A-Za-z]*o$/.test(words[index - 1] ?? '')) continue;
      return false;
    }
    if (word.startsWith('-') && word.includes('x')) return true;
    if (/^-[A-Za-z]*o$/.test(word) && words[index + 1] === 'xtrace') return true;
  }
  return false;
}

function listed(names: readonly string[]): string {
  const more = names.length - 3;
  return `${names.slice(0, 3).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** The variables whose values it prints. */
function named(command: string, expanded: string): string[] {
  if (command.startsWith('printenv')) return command.split(/\s+/);
  return [...expanded.matchAll(/\$\{?([A-Za-z_][A-Za-z0-9_]*)/g)].map(([, name = '']) => name);
}

/** Their lines are the input of a command and run nothing. One that does not end goes on to the end, as in a shell. */
function withoutHereDocuments(script: string): string {
  let ending: string | null = null;
  const kept = script.split('\n').filter((line) => {
    if (ending !== null) {
      if (line.trim() === ending) ending = null;
      return false;
    }
    ending = /(?<!<)<<-?[ \t]{0,8}["'\\]?([A-Za-z_]\w*)/.exec(line)?.[1] ?? null;
    return true;
  });
  return kept.join('\n');
}

function simpleCommands(script: string): Said[] {
  const found: Said[] = [];
  let [words, expanded] = ['', ''];
  let quote: string | null = null;
  let elsewhere = false;
  const end = (piped: boolean): void => {
    found.push({ words: words.trim(), expanded, logged: !piped && !elsewhere });
    [words, expanded, elsewhere] = ['', '', false];
  };
  for (let at = 0; at < script.length; at += 1) {
    const sign = script.charAt(at);
    const next = script.charAt(at + 1);
    if (quote === null && (sign === '\n' || sign === ';')) end(false);
    else if (quote === null && (sign === '|' || sign === '&') && script.charAt(at - 1) !== '>') {
      end(sign === '|' && next !== '|');
      if (next === sign) at += 1;
    } else if (quote === null && sign === '(') [words, expanded, elsewhere] = ['', '', false];
    // What a command substitution prints, its caller has.
    else if (quote === null && sign === ')') end(true);
    else {
      if (quote === null && sign === '>')
        elsewhere ||= !/^>{1,2}[ \t]{0,8}(?:&[12]|\/dev\/std)/.test(script.slice(at));
      if (sign === '\\' && quote !== "'") {
        words += sign + next;
        at += 1;
        continue;
      }
      if (quote === null ? sign === '"' || sign === "'" : sign === quote) {
        quote = quote === null ? sign : null;
      }
      words += sign;
      if (quote !== "'") expanded += sign;
    }
  }
  end(false);
  return found;
}
