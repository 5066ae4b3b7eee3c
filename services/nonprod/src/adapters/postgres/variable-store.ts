import type { KeptVariable, VariableStore } from '../../app/variable-ports.ts';
import { everyRepository, scopeOfSet } from '../../domain/variable.ts';
import { sqlOf, type Database } from './client.ts';

export function createVariableStore(db: Database): VariableStore {
  const sql = sqlOf(db);
  return {
    async of(repository) {
      const [row] = await sql<{ known: boolean; chosen: string[] }>`
        select exists (select from repository where name = ${repository}) as known, array(
          select set_name from variable_set_choice choice
          where (kind = 'repository' and chooser = ${repository}) or (kind = 'group' and exists (
            select from repository_group owner where owner.repository = ${repository}
              and owner.group_name = choice.chooser and owner.grants = 'own'))
          order by kind, chooser, position
        ) as chosen`;
      if (row?.known !== true) return null;
      const scopes = [everyRepository, ...lastOfEach(row.chosen).map(scopeOfSet), repository];
      const all = await sql<KeptVariable>`
        select scope, name, value, public_because as "publicBecause", set_by as "setBy", set_at as "setAt"
        from variable where scope = any (${scopes})`;
      return { scopes, all };
    },

    async global() {
      return await db.variable.findMany({
        where: { scope: everyRepository },
        orderBy: { name: 'asc' },
      });
    },

    async set({ scope, name, value, person, override }, most) {
      return await db.$transaction(async (tx) => {
        if (scope !== everyRepository && !scope.startsWith('@')) {
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

/** Groups by name and then the repository: of two choices of one set the later place counts. */
function lastOfEach(names: readonly string[]): string[] {
  return names.filter((name, place) => names.lastIndexOf(name) === place);
}
