import { GitError } from '@airlock/git/git-error';
import { createMirror, type Mirror } from '@airlock/git/mirror';
import { ConfigurationError } from '@airlock/process/config';
import type { Log } from '@airlock/process/log';
import { runProcess } from '@airlock/process/main';
import { SignerConfig } from '../config.ts';
import { createSignerServer } from '../http/server.ts';
import { listenOnSocket } from '@airlock/process/unix-socket';
import { loadRunners } from '../key/runners.ts';
import { loadKeys } from '../key/signing-keys.ts';
import { createMainBranch } from '../main-branch.ts';
import { createStatementSigner } from '../sign.ts';

/** The first fetch brings all of main's history; those before a signature bring what is new. */
const firstFetchMs = 600_000;

/** Without git nothing is signed for main, and everything else is. */
async function fetchAtStart(mirror: Pick<Mirror, 'fetch'>, log: Log): Promise<void> {
  try {
    await mirror.fetch();
  } catch (cause) {
    if (!(cause instanceof GitError)) throw cause;
    log.warn('git.not-fetched', { error: cause });
  }
}

await runProcess({
  name: 'signer',
  schema: SignerConfig,
  async start(config, runtime) {
    const { signing, published } = loadKeys(config);
    const { url, mirrorDirectory, protocols, isolation, timeoutSeconds } = config.git;
    const settings = { directory: mirrorDirectory, url, protocols, isolation };
    await fetchAtStart(createMirror({ ...settings, timeoutMs: firstFetchMs }), runtime.log);
    const mirror = createMirror({ ...settings, timeoutMs: timeoutSeconds * 1000 });
    const main = createMainBranch(mirror);
    if (config.isolation === 'none' && process.env['AIRLOCK_DEMO'] !== '1') {
      throw new ConfigurationError(
        'configuration-refused',
        'isolation: none signs what any build on the runner could have changed; use isolation: bubblewrap (none is for the demo, with AIRLOCK_DEMO=1)',
      );
    }
    const signer = createStatementSigner({
      ...{ config, keys: signing, main, runners: loadRunners(config.runnersFile) },
      unisolatedRuns: config.isolation === 'none',
      now: () => new Date(),
    });
    const server = createSignerServer({ signer, keys: published, log: runtime.log });
    await listenOnSocket(server, config.socketPath);
    runtime.listening(config.socketPath);
    runtime.onClose(
      () =>
        new Promise<void>((resolve) => {
          server.close(() => {
            resolve();
          });
          server.closeIdleConnections();
        }),
    );
  },
});
