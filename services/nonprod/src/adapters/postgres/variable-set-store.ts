import { z } from 'zod';
import type { SetChoice, VariableSetStore } from '../../app/variable-ports.ts';
import { scopeOfSet } from '../../domain/variable.ts';
import type { Database } from './client.ts';

const Kind = z.enum(['repository', 'group']);

export function createVariableSetStore(db: Database): VariableSetStore {
  return {
    async values() {
      return await db.variable.findMany({
        where: { scope: { startsWith: '@' } },
        orderBy: [{ scope: 'asc' }, { name: 'asc' }],
      });
    },

    async choices() {
      const rows = await db.variableSetChoice.findMany({
        orderBy: [{ kind: 'asc' }, { chooser: 'asc' }, { position: 'asc' }],
      });
      const choices = new Map<string, SetChoice>();
      for (const { kind, chooser, setName } of rows) {
        const key = `${kind} ${chooser}`;
        const sets = [...(choices.get(key)?.sets ?? []), setName];
        choices.set(key, { kind: Kind.parse(kind), chooser, sets });
      }
      return [...choices.values()];
    },

    async choose({ kind, chooser, sets }, person) {
      return await db.$transaction(async (tx) => {
        if (kind === 'repository') {
          const known = await tx.repository.count({ where: { name: chooser } });
          if (known === 0) return { missing: null };
        }
        for (const set of sets) {
          const filled = await tx.variable.count({ where: { scope: scopeOfSet(set) } });
          if (filled === 0) return { missing: set };
        }
        await tx.variableSetChoice.deleteMany({ where: { kind, chooser } });
        await tx.variableSetChoice.createMany({
          data: sets.map((setName, position) => ({
            ...{ kind, chooser, setName, position },
            chosenBy: person,
          })),
        });
        return 'chosen';
      });
    },
  };
}
