/** What became of a start that was given and holds no more. */
import type { LapsedStart } from './manual-start.ts';
import { moment } from './moment.ts';

const ends: Readonly<Record<LapsedStart['by'], string>> = {
  stop: 'deliveries were stopped',
  window: 'the window closed',
  withdrawal: 'an approval was taken back',
};

/** A sentence with a space behind it, to stand before another; empty where none lapsed. */
export function lapsedStart(lapsed: LapsedStart | null): string {
  if (lapsed === null) return '';
  return `${lapsed.person} gave the word at ${moment(lapsed.at)}, and then ${ends[lapsed.by]}: it does not start by that word any more. `;
}
