import { emptyRoot } from '@airlock/common/ledger/tree';
import type { WitnessStore } from '../../app/ports.ts';
import type { Database } from './client.ts';

export function createWitnessStore(db: Database): WitnessStore {
  return {
    async advance(origin, judge) {
      return await db.$transaction(async (tx) => {
        // The row must be there before it can be locked; an empty tree is what a witness has seen of a new log.
        await tx.$executeRaw`
          insert into witnessed_tree (origin, size, root) values (${origin}, 0, ${emptyRoot()})
          on conflict do nothing`;
        const [row] = await tx.$queryRaw<{ size: bigint; root: Uint8Array; note: string | null }[]>`
          select size, root, note from witnessed_tree where origin = ${origin} for update`;
        if (row === undefined) throw new Error(`the row of ${origin} is gone from witnessed_tree`);
        const last = row.note === null ? null : { size: Number(row.size), root: row.root };
        const { next, answer } = judge(last);
        if (next !== null) {
          const { size, root, note, at } = next;
          await tx.$executeRaw`
            update witnessed_tree set size = ${size}, root = ${Buffer.from(root)}, note = ${note}, cosigned_at = ${at}
            where origin = ${origin}`;
        }
        return answer;
      });
    },
  };
}
