/**
 * What of a process's environment would weaken its way to Vault behind the configuration's back. Each was tried on the Node
 * that the gate runs on: what changes nothing (NODE_EXTRA_CA_CERTS beside a pinned authority, VAULT_ADDR, NODE_V8_COVERAGE,
 * which keeps counts and no values) is not refused.
 */
import { ConfigurationError } from '@airlock/process/config';

/** What each would do. */
const refusedVariables: Readonly<Record<string, string>> = {
  VAULT_SKIP_VERIFY: 'turns certificate checks off, whatever its value',
  VAULT_TOKEN: 'is a standing token, and the gate has none',
  BAO_TOKEN: 'is a standing token, and the gate has none',
  VAULT_NAMESPACE: 'sends requests to another namespace',
  VAULT_PREFIX: 'sends requests to another path',
  HTTP_PROXY: 'shows tokens to the proxy',
  HTTPS_PROXY: 'shows tokens to the proxy',
  ALL_PROXY: 'shows tokens to the proxy',
  NODE_USE_ENV_PROXY: 'shows tokens to the proxy',
  NODE_DEBUG: 'prints headers, and with them tokens',
  NODE_DEBUG_NATIVE: 'prints what happens inside TLS connections',
  NODE_TLS_REJECT_UNAUTHORIZED: 'turns certificate checks off',
  // Node's own OpenSSL ignores it today, one of a distribution need not.
  SSLKEYLOGFILE: 'asks for a file with the keys of TLS connections',
};

/** Memory limits and warnings; any other flag in NODE_OPTIONS runs other code, opens the process or writes down what it holds. */
const harmlessOption =
  /^--(max-old-space-size|max-semi-space-size|stack-trace-limit|disable-warning)=|^--(no-warnings|enable-source-maps|disable-sigusr1)$/;

/** Flags of the command line that open the process to a debugger, or write down what it sends and holds. */
const refusedFlag =
  /^--(inspect(-brk|-wait)?(=|$)|experimental-network-inspection|trace-(?!event-file-pattern)|tls-keylog|tls-min-v1|use-env-proxy|insecure-http-parser|(heap-|cpu-)?prof$|heapsnapshot-signal=.|heapsnapshot-near-heap-limit=[1-9]|report-(on-|uncaught))/;

/**
 * Refuses an environment in which talking to Vault would be unsafe. Call it before anything is sent.
 *
 * @param flags what Node itself was started with. Default: this process's own.
 * @throws ConfigurationError `configuration-refused` that names everything to unset.
 */
export function assertSafeEnvironment(
  environment: NodeJS.ProcessEnv,
  flags: readonly string[] = process.execArgv,
): void {
  const faults = Object.entries(environment)
    .filter(([, value]) => value !== undefined && value !== '')
    .flatMap(([name, value = '']) => {
      const reason = refusedVariables[name.toUpperCase()];
      if (reason !== undefined) return [`${name} ${reason}`];
      if (name === 'DEBUG' && /\*|node-vault/.test(value)) {
        return ['DEBUG prints what is written to Vault'];
      }
      return name === 'NODE_OPTIONS' ? optionFaults(value) : [];
    })
    .concat(
      flags
        .filter((flag) => refusedFlag.test(flag))
        .map(
          (flag) => `${nameOf(flag)} on the command line shows what this process sends or holds`,
        ),
    );
  if (faults.length === 0) return;
  throw new ConfigurationError(
    'configuration-refused',
    `the environment makes talking to Vault unsafe: ${faults.join('; ')}; unset it for this process`,
  );
}

const optionFaults = (options: string): string[] =>
  options
    .split(/\s+/)
    .filter((option) => option !== '' && !harmlessOption.test(option))
    .map(
      (option) =>
        `NODE_OPTIONS has ${nameOf(option)}, which may run other code here or show what this process sends or holds`,
    );

/** Its value may be a path that nobody else has to see. */
const nameOf = (flag: string): string => flag.replace(/=.*/s, '');
