/** Cases of our own, in the form of tests/vectors/README.md: made anew for each run, with keys that nobody keeps. */

/** A case as `runConformance` takes it: the name says what is wrong, the text is its JSON. */
export type OwnCase = { readonly name: string; readonly expect: string; readonly text: string };

export type CaseTable = readonly (readonly [attack: string, expect: string, parts: object])[];

/** Turns a table to cases; the id is the attack in kebab case. @throws Error where two attacks have one id. */
export function casesFrom(kind: string, table: CaseTable, good: object): readonly OwnCase[] {
  const names = new Set<string>();
  return table.map(([attack, expect, parts]) => {
    const id = attack
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replaceAll(/^-|-$/g, '');
    if (names.has(id)) throw new Error(`two ${kind} cases are called ${id}`);
    names.add(id);
    return {
      name: id,
      expect,
      text: JSON.stringify({ kind, id, attack, expect, ...good, ...parts }),
    };
  });
}
