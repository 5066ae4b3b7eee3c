/** Names under which Postgres keeps statements, so that it parses and plans each once a connection. */

/** What Postgres keeps of each statement, on every connection, is some 30 KB. */
const mostStatements = 200;

/**
 * For the driver adapter of an ORM, which makes a few texts and asks them again and again.
 *
 * @returns the name of a statement: the same for the same text, and no other's. `''`, which is no name, for texts that came
 *   after the first 200: lists of every length make texts of their own, and nothing forgets them.
 */
export function createStatementNames(): (statement: { readonly sql: string }) => string {
  const names = new Map<string, string>();
  return ({ sql }) => {
    const known = names.get(sql);
    if (known !== undefined) return known;
    if (names.size >= mostStatements) return '';
    const name = `kept-${names.size + 1}`;
    names.set(sql, name);
    return name;
  };
}
