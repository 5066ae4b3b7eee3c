/** Which database migrations a release brings. What they do to data decides whether there is a way back. */

/** How many migrations the delta lists; the count counts all. */
export const listedMigrations = 100;
/** Bytes of a migration that is looked into; a longer one is listed with `large`. */
export const maxMigrationBytes = 1024 * 1024;

export type Migration = {
  readonly path: string;
  /** As git has it: A, D, M or T. One that was applied before and is changed now is applied nowhere again. */
  readonly status: string;
  /** The file that undoes it, where the release has one beside it. */
  readonly undo: string | null;
  /** What in its SQL cannot be taken back or may break the release that is live, such as `drop column`. */
  readonly warns: readonly string[];
};

const directories = /(^|\/)(migrations?|migrate|alembic\/versions|db\/changelog)\//i;
const flyway = /(^|\/)[VUR][0-9._]*__[^/]+\.sql$/;
const extensions = /\.(sql|js|mjs|cjs|ts|mts|py|rb|php|xml|ya?ml|json|go|java|kt|exs|cs)$/i;

/** Whether a path looks like a migration of one of the tools that people use (Prisma, Rails, Django, Flyway, Alembic, …). */
export function isMigration(path: string): boolean {
  if (/(\.|_|\/)(test|spec)s?\.|(^|\/)__init__\.py$/.test(path)) return false;
  return flyway.test(path) || (directories.test(path) && extensions.test(path));
}

const isUndo = (path: string): boolean =>
  /(^|\/|\.|_)down\.[a-z]+$/i.test(path) || /(^|\/)U[0-9._]*__/.test(path);

/** Paths at which the undoing file of a migration is looked for. */
function undoPaths(path: string): string[] {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const directory = path.slice(0, path.length - name.length);
  return [
    ...(/\bup\.[a-z]+$/i.test(name)
      ? [directory + name.replace(/\bup(\.[a-z]+)$/i, 'down$1')]
      : []),
    ...(name.startsWith('V') ? [`${directory}U${name.slice(1)}`] : []),
    `${directory}down.sql`,
  ];
}

type Danger = { readonly name: string; readonly test: (statement: string) => boolean };
const says = (name: string, expression: RegExp): Danger => ({
  name,
  test: (statement) => expression.test(statement),
});

/** Over one statement without its comments. No expression can run long: what a stranger wrote is matched here. */
const dangers: readonly Danger[] = [
  says('drop table', /\bdrop\s+table\b/i),
  {
    name: 'drop column',
    test: (statement) =>
      /\balter\s+table\b/i.test(statement) &&
      /\bdrop\s+(?!constraint\b|index\b|default\b|not\b|identity\b|expression\b|foreign\b|primary\b)\S/i.test(
        statement,
      ),
  },
  says('drop schema', /\bdrop\s+(schema|database)\b/i),
  says('rename', /\brename\s+(to|column|table)\b/i),
  says('truncate', /\btruncate\b/i),
  says('delete', /\bdelete\s+from\b/i),
  says('change type', /\balter\s+(column\s+)?\S+\s+(set\s+data\s+)?type\b/i),
  says('set not null', /\bset\s+not\s+null\b/i),
];

/** What stands in a comment does nothing. */
function withoutComments(sql: string): string {
  let bare = '';
  for (let at = 0; at < sql.length;) {
    const line = sql.indexOf('--', at);
    const block = sql.indexOf('/*', at);
    const isLine = line !== -1 && (block === -1 || line < block);
    const from = isLine ? line : block;
    if (from === -1) return bare + sql.slice(at);
    bare += `${sql.slice(at, from)} `;
    const end = sql.indexOf(isLine ? '\n' : '*/', from + 2);
    if (end === -1) return bare;
    at = end + (isLine ? 1 : 2);
  }
  return bare;
}

export function migrationsOf(
  files: readonly { readonly path: string; readonly status: string }[],
  /** The SQL of the migrations that were asked for; null where it is too large. */
  texts: ReadonlyMap<string, string | null>,
): { readonly count: number; readonly list: readonly Migration[] } {
  const present = new Set(files.filter(({ status }) => status !== 'D').map(({ path }) => path));
  const found = files.filter(({ path }) => isMigration(path) && !isUndo(path));
  return {
    count: found.length,
    list: found.slice(0, listedMigrations).map(({ path, status }) => ({
      path,
      status,
      undo: undoPaths(path).find((undo) => present.has(undo)) ?? null,
      warns: warningsOf(texts.get(path)),
    })),
  };
}

function warningsOf(text: string | null | undefined): string[] {
  if (text === undefined) return [];
  if (text === null) return ['too large to be looked into'];
  const statements = withoutComments(text).split(';');
  return dangers.filter(({ test }) => statements.some(test)).map(({ name }) => name);
}
