import { createMirror } from '@airlock/git/mirror';
import { ConfigurationError } from '@airlock/process/config';
import { runProcess } from '@airlock/process/main';
import { SignerConfig } from '../config.ts';
import { createSignerServer } from '../http/server.ts';
import { listenOnSocket } from '../http/unix-socket.ts';
import { loadRunners } from '../key/runners.ts';
import { loadKeys } from '../key/signing-keys.ts';
import { createMainBranch } from '../main-branch.ts';
import { createStatementSigner } from '../sign.ts';

await runProcess({
  name: 'signer',
  schema: SignerConfig,
  async start(config, runtime) {
    const { signing, published } = loadKeys(config);
    const { url, mirrorDirectory, protocols } = config.git;
    const mirror = createMirror({ directory: mirrorDirectory, url, protocols });
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
