import { readFile } from 'node:fs/promises';

/** State of a listening socket in /proc/net/tcp (include/net/tcp_states.h). */
const listening = '0A';

/**
 * Whether somebody listens at a TCP port, of any address, in the network of a process of this machine.
 *
 * @param holder its pid, or `self`.
 */
export async function listensIn(holder: number | 'self', port: number): Promise<boolean> {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((name) =>
      // Without IPv6 there is no such table.
      readFile(`/proc/${holder}/net/${name}`, 'latin1').catch(() => ''),
    ),
  );
  return tables.some((table) =>
    table.split('\n').some((line) => {
      const [, local = '', , state] = line.trim().split(/\s+/);
      return state === listening && local.endsWith(wanted);
    }),
  );
}
