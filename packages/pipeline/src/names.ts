/** Names of steps, services and workflows: free in a file, plain in a plan, where they are part of paths and addresses. */
import { Name } from '@airlock/common/wire/scalars';

const maxLength = 63;

/** `Check code: format` is Check-code-format; null for a name without any letter or digit. */
export function plainName(text: string): string | null {
  const plain = text
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replaceAll(/^[._-]+|-+$/g, '')
    .slice(0, maxLength);
  return Name.safeParse(plain).success ? plain : null;
}

/** Names in order, plain and each but once: the second `test` is test-2. */
export function createNaming(): (text: string, otherwise: string) => string {
  const taken = new Set<string>();
  return (text, otherwise) => {
    const plain = plainName(text) ?? otherwise;
    for (let count = 1; ; count += 1) {
      const suffix = count === 1 ? '' : `-${count}`;
      const name = `${plain.slice(0, maxLength - suffix.length)}${suffix}`;
      if (taken.has(name)) continue;
      taken.add(name);
      return name;
    }
  };
}

/** The file's name without its directory, its leading dot and its ending. */
export function workflowName(path: string): string | null {
  const file = path.slice(path.lastIndexOf('/') + 1);
  return plainName(file.replace(/\.ya?ml$/, '').replace(/^\./, ''));
}
