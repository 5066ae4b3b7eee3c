import { findProgram } from '@airlock/sandbox/host';

/** False where podman is here, and otherwise how to get it. */
export const missingPodman = (): string | false =>
  findProgram('podman') === null &&
  'podman is not installed; on Debian or Ubuntu run: apt-get install -y podman runc';
