/** What is told of what runs on a target: that it is something else, that nobody can see it, and the end of either to the same people. */
import type { LedgerEntry } from '@airlock/common/ledger/entry';
import type { News } from './news.ts';

/** @returns null for an entry of another kind, or one that says too little. */
export function newsOfTarget(entry: LedgerEntry, index: number): News | null {
  const { type, refs, at } = entry;
  const { target, release = '?', observation, running = '?', others, changes, cause } = refs;
  if (target === undefined || observation === undefined) return null;
  const gathered =
    changes === undefined
      ? []
      : [
          `It changed ${changes} times since the notice before. While that goes on you are told once an hour.`,
        ];
  const words = ((): Pick<News, 'type' | 'title' | 'lines'> | null => {
    switch (type) {
      case 'target.drifted':
        return {
          type,
          title:
            running === 'nothing'
              ? `${target}: nothing runs, and ${release} is live by the ledger`
              : `${target}: something else runs than ${release}`,
          lines: [
            ...gathered,
            ...(running === 'nothing'
              ? []
              : running === 'unknown'
                ? ['That was seen last; by now nobody can see what runs. Why stands on its page.']
                : [
                    `${running} runs${others === '1' ? '' : `, and ${Number(others) - 1} more`}; sha256:${refs['artifact'] ?? '?'} was delivered.`,
                  ]),
            'No delivery of this gate did that. Find out who did; deliver again, or return to an earlier release.',
          ],
        };
      case 'target.unobserved':
        return {
          type,
          title: `${target}: nobody can see what runs`,
          lines: [
            ...gathered,
            cause === 'host'
              ? 'The host of gate-deliverer cannot run its observe hook. Why stands on its page.'
              : 'Its observe hook has failed several times in a row. Why stands on its page.',
          ],
        };
      case 'target.settled':
        return {
          type,
          title: `${target}: ${release} runs there${refs['was'] === 'drifted' ? ' again' : ', as can be seen again'}`,
          lines: gathered,
        };
      default:
        return null;
    }
  })();
  if (words === null) return null;
  return {
    ...{ id: `ledger:${index}`, thread: observation, path: `/targets/${target}`, target },
    ...{ actor: null, at: new Date(at), ...words },
  };
}
