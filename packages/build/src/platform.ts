/** What builds of this machine run on, as the kernel says it and as `uname` in a build says it too. */
import { machine, type } from 'node:os';

/** What the kernel calls a machine, in the words of OCI images. */
const architectures: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  ...{ i386: '386', i486: '386', i586: '386', i686: '386' },
  ...{ aarch64: 'arm64', arm64: 'arm64', armv7l: 'arm/v7', armv6l: 'arm/v6' },
};

/** Operating system and architecture in the words of OCI images, such as linux/amd64. */
export function platformOf(kernel: { readonly type: string; readonly machine: string }): string {
  const named = kernel.machine.toLowerCase();
  const architecture = Object.hasOwn(architectures, named) ? architectures[named] : undefined;
  return `${kernel.type.toLowerCase()}/${architecture ?? named}`;
}

/** Of this machine. It is asked, not configured: a runner cannot be told to say another one. */
export const ownPlatform = (): string => platformOf({ type: type(), machine: machine() });
