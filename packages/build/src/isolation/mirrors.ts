/** Where a pool's builds get packages from instead of the public registries, told as each package manager wants it told. */
import { z } from 'zod';

const Mirror = z.url({ protocol: /^https?$/ }).refine((text) => {
  const { username, password } = new URL(text);
  return username === '' && password === '';
}, 'a mirror that every build reads has no password; let it take this machine without one');

/** The variables that tell a package manager of its registry; a step that sets one itself is heard. */
const variables = {
  // Yarn 2 and later reads a name of its own.
  npm: ['npm_config_registry', 'YARN_NPM_REGISTRY_SERVER'],
  pip: ['PIP_INDEX_URL', 'UV_DEFAULT_INDEX'],
  go: ['GOPROXY'],
} as const;

export const MirrorsConfig = z
  .strictObject({
    npm: Mirror.optional().describe('For npm, pnpm and Yarn.'),
    pip: Mirror.optional().describe('For pip and uv: the address of a simple index.'),
    go: Mirror.optional().describe('For go, as its only GOPROXY.'),
  })
  .default({})
  .describe(
    'Mirrors or pull-through proxies of package registries, which steps are told of; the address of each is to be in `allow`. Default none.',
  );
export type Mirrors = z.infer<typeof MirrorsConfig>;

type Named = { readonly manager: keyof typeof variables; readonly url: string };

const named = (mirrors: Mirrors): Named[] =>
  (Object.keys(variables) as (keyof typeof variables)[]).flatMap((manager) => {
    const url = mirrors[manager];
    return url === undefined ? [] : [{ manager, url }];
  });

/** For a step that goes out. */
export function mirrorEnvironment(mirrors: Mirrors): Readonly<Record<string, string>> {
  return Object.fromEntries(
    named(mirrors).flatMap(({ manager, url }) => variables[manager].map((name) => [name, url])),
  );
}

/** Host and port of each. */
export function mirrorPlaces(
  mirrors: Mirrors,
): { readonly manager: string; readonly host: string; readonly port: number }[] {
  return named(mirrors).map(({ manager, url }) => {
    const { hostname, port, protocol } = new URL(url);
    const host = hostname.replace(/^\[(.*)\]$/, '$1');
    return { manager, host, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) };
  });
}
