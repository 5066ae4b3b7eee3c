/** Commands that say a secret aloud. Masking knows the forms that programs usually print, and no others. */
import type { Environment } from './variable-values.ts';
import { join, type FaultList, type YamlValue } from './yaml-file.ts';

/**
 * Warns of `echo`, `printf` and `printenv` of a variable that is a secret, where what they print goes to the log: not into a
 * pipe, a file or another command. A hint for people, and no defence: whoever wants to print one finds a way.
 *
 * @param commands the value of `commands`, for the places.
 */
export function warnOfEchoes(
  commands: YamlValue,
  path: string,
  environment: Environment,
  faults: FaultList,
): void {
  const secrets = new Set(
    Object.entries(environment).flatMap(([name, value]) =>
      typeof value === 'string' ? [] : [name],
    ),
  );
  if (secrets.size === 0) return;
  const items = commands.kind === 'list' ? commands.items : [commands];
  items.forEach((item, index) => {
    if (item.kind !== 'scalar' || typeof item.value !== 'string') return;
    const here = commands.kind === 'list' ? join(path, String(index)) : path;
    for (const said of printed(item.value)) {
      const name = named(said).find((each) => secrets.has(each));
      if (name === undefined) continue;
      faults.warn(
        item.at,
        here,
        `\`${said.words.slice(0, 60)}\` prints the secret in ${name}; masking hides only the forms that it knows. Take it out, or hand the value over by a pipe or a file`,
      );
    }
  });
}

interface Said {
  readonly words: string;
  /** What the shell does not take literally. */
  readonly expanded: string;
}

const printers = /^(?:(?:then|do|else|time|!|\{)\s+)*(echo|printf|printenv)\s/;

/** The variables whose values it prints. */
function named({ words, expanded }: Said): string[] {
  if (printers.exec(words)?.[1] === 'printenv') return words.split(/\s+/);
  return [...expanded.matchAll(/\$\{?([A-Za-z_][A-Za-z0-9_]*)/g)].map(([, name = '']) => name);
}

/** Simple commands whose output is the step's. */
function printed(script: string): Said[] {
  const found: Said[] = [];
  let [words, expanded] = ['', ''];
  let quote: string | null = null;
  let elsewhere = false;
  const end = (piped: boolean): void => {
    const said = { words: words.trim(), expanded };
    if (!piped && !elsewhere && printers.test(said.words)) found.push(said);
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
