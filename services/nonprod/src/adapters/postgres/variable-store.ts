import type { VariableStore } from '../../app/variable-ports.ts';
import { everyRepository } from '../../domain/variable.ts';
import type { Database } from './client.ts';

export function createVariableStore(db: Database): VariableStore {
  return {
    async of(repository) {
      const [known, rows] = await Promise.all([
        db.repository.count({ where: { name: repository } }),
        db.variable.findMany({ where: { scope: { in: [everyRepository, repository] } } }),
      ]);
      return known === 0 ? null : rows;
    },

    async global() {
      return await db.variable.findMany({
        where: { scope: everyRepository },
        orderBy: { name: 'asc' },
      });
    },

    async set({ scope, name, value, person, override }, most) {
      return await db.$transaction(async (tx) => {
        if (scope !== everyRepository) {
          const known = await tx.repository.count({ where: { name: scope } });
          if (known === 0) return 'no-repository';
        }
        const others = await tx.variable.count({ where: { scope, name: { not: name } } });
        if (others >= most) return 'full';
        const publicBecause = override?.publicBecause ?? null;
        const data = { value, publicBecause, setBy: person, setAt: new Date() };
        await tx.variable.upsert({
          where: { scope_name: { scope, name } },
          create: { scope, name, ...data },
          update: data,
        });
        const lookedLike = override?.lookedLike ?? null;
        await tx.variableChange.create({
          data: { scope, name, change: 'set', lookedLike, publicBecause, changedBy: person },
        });
        return 'set';
      });
    },

    async remove({ scope, name }, person) {
      return await db.$transaction(async (tx) => {
        const { count } = await tx.variable.deleteMany({ where: { scope, name } });
        if (count === 0) return false;
        await tx.variableChange.create({
          data: { scope, name, change: 'removed', changedBy: person },
        });
        return true;
      });
    },
  };
}
