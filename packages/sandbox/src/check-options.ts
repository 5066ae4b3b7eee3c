import { SandboxError } from './errors.ts';
import type { SandboxOptions } from './options.ts';

/** @throws SandboxError `sandbox-options-refused` */
export function checkOptions(
  options: Pick<
    SandboxOptions,
    'command' | 'env' | 'inheritFds' | 'loopbackNames' | 'limits' | 'graceSeconds'
  >,
): void {
  const refuse = (message: string): never => {
    throw new SandboxError('sandbox-options-refused', message);
  };
  if (options.command.length === 0) refuse('no command given');
  for (const { fd } of options.inheritFds ?? []) {
    if (!Number.isInteger(fd) || fd < 10 || fd > 200)
      refuse(`descriptor ${fd} is not between 10 and 200`);
  }
  for (const [name, value] of Object.entries(options.env)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      refuse(`environment name ${JSON.stringify(name)} is malformed`);
    if (value.includes('\0')) refuse(`environment variable ${name} contains a NUL`);
  }
  for (const name of options.loopbackNames ?? []) {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name))
      refuse(`${JSON.stringify(name)} is no name that a host can have`);
  }
  const { wallSeconds } = options.limits;
  // setTimeout fires at once for more than 2^31 ms.
  if (!(wallSeconds > 0 && wallSeconds <= 2_000_000))
    refuse('limits.wallSeconds is not between 0 and 2000000');
  const { graceSeconds = 0 } = options;
  if (!(graceSeconds >= 0 && graceSeconds <= 600)) refuse('graceSeconds is not between 0 and 600');
}
