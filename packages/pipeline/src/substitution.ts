/**
 * Woodpecker replaces `${VARIABLE}` in the raw text of the file, so that a branch name can write YAML or shell. Here the
 * file is parsed first and replacement happens within single values; in commands only what cannot mean anything to a
 * shell is pasted, and the rest is left for the shell to read from the environment.
 */
const reference = /\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::(\d{1,4}):(\d{1,4}))?\}/g;
const harmless = /^[A-Za-z0-9._/:@+-]*$/;

type Variables = Readonly<Record<string, string>>;

function lookUp(variables: Variables, name: string): string | undefined {
  return Object.hasOwn(variables, name) ? variables[name] : undefined;
}

/** In an image or a variable's value: known names are replaced, `$$` is a dollar sign, the rest stays. */
export function substituteInValue(text: string, variables: Variables): string {
  return text.replace(reference, (whole, name?: string, from?: string, length?: string) => {
    if (name === undefined) return '$';
    const value = lookUp(variables, name);
    return value === undefined ? whole : slice(value, from, length);
  });
}

/** In a command: only slices such as `${CI_COMMIT_SHA:0:8}`, which plain sh does not know, and only harmless values. */
export function substituteInCommand(text: string, variables: Variables): string {
  return text.replace(reference, (whole, name?: string, from?: string, length?: string) => {
    if (name === undefined) return '$';
    const value = lookUp(variables, name);
    if (value === undefined || from === undefined) return whole;
    const part = slice(value, from, length);
    return harmless.test(part) ? part : whole;
  });
}

function slice(value: string, from?: string, length?: string): string {
  if (from === undefined || length === undefined) return value;
  return value.slice(Number(from), Number(from) + Number(length));
}
