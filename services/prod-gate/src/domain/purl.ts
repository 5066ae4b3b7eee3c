/** Package URLs of what lockfiles lock (https://github.com/package-url/purl-spec). */

export type Purl = {
  /** Without version, qualifiers and subpath, such as `pkg:npm/%40scope/name`. */
  readonly name: string;
  readonly version: string | null;
};

export type LockedPackage = { readonly name: string; readonly version: string };

/** Types whose names are the same in any case (purl-spec, PURL-TYPES). */
const anyCase: ReadonlySet<string> = new Set(['pypi', 'golang', 'composer']);

/** The name without its version of a package that a lockfile calls `name`. */
export function purlName(type: string, name: string): string {
  const cased = anyCase.has(type) ? name.toLowerCase() : name;
  const spelled = type === 'pypi' ? cased.replaceAll('_', '-') : cased;
  return `pkg:${type}/${spelled.replace(/^@/, '%40')}`;
}

/** The one spelling of a purl's parts that is stored and looked for. */
export function splitPurl(purl: string): Purl {
  const [bare = ''] = purl.split(/[?#]/, 1);
  // The `@` of a scope may stand as it is; the one of a version comes after the last slash and behind a name.
  const at = bare.indexOf('@', bare.lastIndexOf('/') + 2);
  const [, type = '', said = ''] =
    /^pkg:([a-z]+)\/(.*)$/.exec(at === -1 ? bare : bare.slice(0, at)) ?? [];
  const name = purlName(type, said.replace(/^%40/, '@'));
  return { name, version: at === -1 ? null : decoded(bare.slice(at + 1)) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
