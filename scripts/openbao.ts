/**
 * A real OpenBao for the integration stage: the one that the environment names, the one on PATH, the one that an earlier run
 * built, or one built now with Go. Where none can be had it says why; nothing else depends on it.
 */
import { type GoProgram, type Obtained, obtainGoProgram } from '@airlock/testkit/go-program';
import { findVaultBinary } from '@airlock/testkit/vault-server';

const release = '2.6.2';

/** The tag v2.6.2. Its go.mod has no `/v2`, so that the proxy knows it by time and commit alone. */
const openBao: GoProgram = {
  binary: 'bao',
  module: 'github.com/openbao/openbao',
  version: 'v0.0.0-20260818154305-dd9c19c37a87',
  cacheName: `openbao-${release}-${process.platform}-${process.arch}`,
  require: ['github.com/openbao/openbao/sdk/v2@v2.6.2'],
  linkerFlags: `-s -w -X github.com/openbao/openbao/version.fullVersion=${release}`,
};

/**
 * @param options.signal ends a build that is under way.
 * @returns `server`: what people call it, null when there is none; `binary`: null also for a server that runs already.
 */
export async function obtainOpenBao({
  signal,
}: {
  signal: AbortSignal;
}): Promise<Obtained & { server: string | null }> {
  const { VAULT_ADDR: address, VAULT_TEST_ROOT_TOKEN: token, AIRLOCK_OPENBAO: named } = process.env;
  if (address !== undefined && token !== undefined) {
    return { server: address, binary: null, how: 'named by VAULT_ADDR' };
  }
  if (named !== undefined && named !== '') {
    return { server: named, binary: named, how: 'named by AIRLOCK_OPENBAO' };
  }
  const onPath = findVaultBinary();
  if (onPath !== null) return { server: onPath, binary: onPath, how: 'found on PATH' };
  const obtained = await obtainGoProgram(openBao, { signal });
  return { ...obtained, server: obtained.binary === null ? null : `OpenBao ${release}` };
}
