/**
 * Which of a hook's requests pass, and what of their headers. Whatever two readers could read differently is refused rather
 * than cleaned: the path is compared as it was sent, and holds nothing that a server would decode or resolve.
 */

export type RequestRules = {
  readonly host: string;
  readonly port: number;
  readonly methods: readonly string[];
  /** Exactly this path, or any below it where it ends in /. */
  readonly paths: readonly string[];
  /** Name of the header that carries the credential; null where none does. */
  readonly header: string | null;
};

/** What came, as it came: names and values of the headers in turn. */
export type GivenRequest = {
  readonly method: string;
  readonly target: string;
  readonly rawHeaders: readonly string[];
};

/** Why the request does not pass, as a sentence; null when it does. */
export function requestFault(rules: RequestRules, request: GivenRequest): string | null {
  const { method, target } = request;
  if (!rules.methods.includes(method)) {
    return `its method is none of ${rules.methods.join(', ')}; a method is added in the target file`;
  }
  if (!target.startsWith('/')) return 'its target is no path; a whole address does not pass';
  const [path = '', ...rest] = target.split('?');
  if (!/^[A-Za-z0-9._~/-]*$/.test(path)) {
    return 'its path holds another character than letters, digits and . _ ~ - /';
  }
  const segments = path.split('/').slice(1);
  if (segments.some((segment) => segment === '.' || segment === '..')) {
    return 'its path holds . or .. as a part';
  }
  // An empty part is the end of a directory, and nothing else.
  if (segments.slice(0, -1).includes('')) return 'its path holds an empty part';
  if (!rules.paths.some((allowed) => covers(allowed, path))) {
    return `its path is not covered by ${rules.paths.join(', ')}; a path is added in the target file`;
  }
  if (!/^[\x21-\x7e]*$/.test(rest.join('?')) || target.includes('#')) {
    return 'its query holds a character that has to be percent-encoded';
  }
  const hosts = valuesOf(request.rawHeaders, 'host');
  const [host] = hosts;
  if (hosts.length !== 1 || host === undefined || !ownNames(rules).includes(host.toLowerCase())) {
    return `its Host is ${hosts.join(', ') || 'missing'}, not ${authorityOf(rules)}`;
  }
  return null;
}

function covers(allowed: string, path: string): boolean {
  return allowed === path || (allowed.endsWith('/') && path.startsWith(allowed));
}

/** Host and port as they stand in an address and in the Host header. */
export function authorityOf({ host, port }: { host: string; port: number }): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function ownNames(rules: RequestRules): string[] {
  const authority = authorityOf(rules).toLowerCase();
  // https leaves its own port out.
  return rules.port === 443 ? [authority, authority.slice(0, -':443'.length)] : [authority];
}

/** They belong to one connection, and the next one is another (RFC 9110 section 7.6.1). */
const hopByHop: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade'],
]);

/**
 * The headers that are passed on, in their order.
 *
 * @param without further names, in any case.
 */
export function passedHeaders(
  rawHeaders: readonly string[],
  without: readonly string[],
): [name: string, value: string][] {
  const named = valuesOf(rawHeaders, 'connection').flatMap((value) => value.split(','));
  // Some servers hand `X_Token` and `X-Token` to their program as one.
  const plain = (name: string): string => name.trim().toLowerCase().replaceAll('_', '-');
  const dropped = new Set([...named, ...without].map(plain));
  return pairsOf(rawHeaders).filter(
    ([name]) => !hopByHop.has(name.toLowerCase()) && !dropped.has(plain(name)),
  );
}

function valuesOf(rawHeaders: readonly string[], name: string): string[] {
  return pairsOf(rawHeaders)
    .filter(([each]) => each.toLowerCase() === name)
    .map(([, value]) => value);
}

function pairsOf(rawHeaders: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    pairs.push([rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '']);
  }
  return pairs;
}
