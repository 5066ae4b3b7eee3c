import { createMirror } from '@airlock/git/mirror';
import { runProcess } from '@airlock/process/main';
import { SignerConfig } from '../config.ts';
import { createSignerServer } from '../http/server.ts';
import { listenOnSocket } from '../http/unix-socket.ts';
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
    const signer = createStatementSigner({ config, keys: signing, main });
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
