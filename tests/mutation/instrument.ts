/**
 * Rewrites a source file of the kernel so that each refusal and each condition in it can be switched at run time: one
 * build carries every mutant, and a run picks one.
 */
import ts from 'typescript';

/** One thing that can be switched. */
export type Site = {
  readonly id: number;
  /** `refusal`: a throw or a reason that is left out. `condition`: an operator or a condition turned into another. */
  readonly kind: 'refusal' | 'condition';
  readonly file: string;
  readonly line: number;
  /** The code of a refusal; null for a condition. */
  readonly code: string | null;
  /** The source text, cut; what it becomes where that is not "left out"; a number where the file has the same again. */
  readonly text: string;
};

/** How the rewritten code asks whether a site is switched, and counts the turns of its loops. */
const isSwitched = (id: number): string => `globalThis.__mutants.on(${id})`;
const tick = 'globalThis.__mutants.tick();';

const swaps: ReadonlyMap<ts.SyntaxKind, readonly string[]> = new Map([
  [ts.SyntaxKind.EqualsEqualsEqualsToken, ['!==']],
  [ts.SyntaxKind.ExclamationEqualsEqualsToken, ['===']],
  [ts.SyntaxKind.LessThanToken, ['<=', '>=']],
  [ts.SyntaxKind.LessThanEqualsToken, ['<', '>']],
  [ts.SyntaxKind.GreaterThanToken, ['>=', '<=']],
  [ts.SyntaxKind.GreaterThanEqualsToken, ['>', '<']],
  [ts.SyntaxKind.AmpersandAmpersandToken, ['||']],
  [ts.SyntaxKind.BarBarToken, ['&&']],
]);

const codePattern = /E_[A-Z0-9_]+/;

/**
 * @param nextId hands out the ids of sites.
 * @returns TypeScript that does the same as `source` while nothing is switched.
 */
export function instrument(
  file: string,
  source: string,
  nextId: () => number,
): { readonly code: string; readonly sites: readonly Site[] } {
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.ESNext, true);
  const sites: Site[] = [];
  const helpers = throwingHelpers(tree);

  const site = (kind: Site['kind'], node: ts.Node, code: string | null, becomes = ''): number => {
    const id = nextId();
    const { line } = tree.getLineAndCharacterOfPosition(node.getStart(tree));
    const shown = node.getText(tree).replaceAll(/\s+/g, ' ');
    const what = `${shown.slice(0, 90)}${becomes === '' ? '' : ` → ${becomes}`}`;
    const before = sites.filter(({ text }) => text === what || text.startsWith(`${what} (`)).length;
    const text = before === 0 ? what : `${what} (${before + 1})`;
    sites.push({ id, kind, file, line: line + 1, code, text });
    return id;
  };

  const codeIn = (node: ts.Node): string | null => {
    const found = codePattern.exec(node.getText(tree))?.[0];
    if (found !== undefined) return found;
    const callee =
      ts.isCallExpression(node) && ts.isIdentifier(node.expression) ? node.expression : null;
    return callee === null ? null : (helpers.get(callee.text) ?? null);
  };

  /** The source of a node, its children rewritten. */
  const inner = (node: ts.Node): string => {
    let text = '';
    let position = node.getStart(tree);
    node.forEachChild((child) => {
      text += source.slice(position, child.getStart(tree)) + rewrite(child);
      position = child.end;
    });
    return text + source.slice(position, node.end);
  };

  const choose = (id: number, mutant: string, original: string): string =>
    `(${isSwitched(id)} ? (${mutant}) : (${original}))`;

  const condition = (node: ts.Expression): string => {
    const id = site('condition', node, null, 'its opposite');
    return choose(id, `!(${node.getText(tree)})`, rewrite(node));
  };

  const loop = (body: ts.Statement): string => `{ ${tick} ${rewrite(body)} }`;

  const rewrite = (node: ts.Node): string => {
    if (ts.isTypeNode(node) || ts.isImportDeclaration(node)) return node.getText(tree);
    if (ts.isThrowStatement(node)) {
      const code = codeIn(node.expression);
      if (code === null) return inner(node);
      return `if (!${isSwitched(site('refusal', node, code))}) ${inner(node)}`;
    }
    if (ts.isReturnStatement(node) && node.expression !== undefined && isRefusal(node.expression)) {
      const id = site('refusal', node, codeIn(node.expression));
      return `if (!${isSwitched(id)}) ${node.getText(tree)}`;
    }
    if (ts.isObjectLiteralExpression(node) && isReason(node)) {
      return choose(site('refusal', node, codeIn(node)), 'null', inner(node));
    }
    if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) {
      const code = helpers.get(node.expression.text);
      if (code !== undefined && !isThrown(node)) {
        return choose(site('refusal', node, code), 'undefined', inner(node));
      }
    }
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
      const { name, expression } = node.expression;
      const other = name.text === 'every' ? 'some' : name.text === 'some' ? 'every' : null;
      if (other !== null) {
        const list = node.arguments.map((argument) => argument.getText(tree)).join(', ');
        const id = site('condition', node, null, other);
        return choose(id, `${expression.getText(tree)}.${other}(${list})`, inner(node));
      }
    }
    if (ts.isBinaryExpression(node)) {
      const operators = swaps.get(node.operatorToken.kind) ?? [];
      return operators.reduce((original, operator) => {
        const id = site('condition', node, null, operator);
        return choose(
          id,
          `${node.left.getText(tree)} ${operator} ${node.right.getText(tree)}`,
          original,
        );
      }, inner(node));
    }
    if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken) {
      const id = site('condition', node, null, 'its opposite');
      return choose(id, node.operand.getText(tree), inner(node));
    }
    if (ts.isIfStatement(node) && isBare(node.expression)) {
      const rest = node.elseStatement === undefined ? '' : ` else ${rewrite(node.elseStatement)}`;
      return `if (${condition(node.expression)}) { ${rewrite(node.thenStatement)} }${rest}`;
    }
    if (ts.isConditionalExpression(node) && isBare(node.condition)) {
      return `${condition(node.condition)} ? ${rewrite(node.whenTrue)} : ${rewrite(node.whenFalse)}`;
    }
    if (ts.isWhileStatement(node))
      return `while (${rewrite(node.expression)}) ${loop(node.statement)}`;
    if (ts.isDoStatement(node))
      return `do ${loop(node.statement)} while (${rewrite(node.expression)});`;
    if (ts.isForStatement(node)) {
      return `${source.slice(node.getStart(tree), node.statement.getStart(tree))} ${loop(node.statement)}`;
    }
    return inner(node);
  };

  // A file's own start is that of its first statement.
  return { code: source.slice(0, tree.getStart(tree)) + rewrite(tree), sites };
}

/** Local functions that throw or make the error to throw, with the code that they stand for. */
function throwingHelpers(tree: ts.SourceFile): ReadonlyMap<string, string> {
  const helpers = new Map<string, string>();
  const visit = (node: ts.Node): void => {
    if (
      ts.isVariableDeclaration(node) &&
      ts.isIdentifier(node.name) &&
      node.initializer !== undefined &&
      ts.isArrowFunction(node.initializer) &&
      /^(fail|refuse|tooLarge)$/.test(node.name.text)
    ) {
      const code = codePattern.exec(node.initializer.getText(tree))?.[0];
      if (code !== undefined) helpers.set(node.name.text, code);
    }
    node.forEachChild(visit);
  };
  visit(tree);
  return helpers;
}

/** A call whose result is thrown: the throw is the site. */
function isThrown(node: ts.Node): boolean {
  return ts.isThrowStatement(node.parent);
}

/** A condition without an operator that is a site of its own. */
function isBare(node: ts.Expression): boolean {
  return ts.isIdentifier(node) || ts.isCallExpression(node) || ts.isPropertyAccessExpression(node);
}

const property = (node: ts.ObjectLiteralExpression, name: string): ts.Expression | null => {
  const found = node.properties.find(
    (each): each is ts.PropertyAssignment =>
      ts.isPropertyAssignment(each) && ts.isIdentifier(each.name) && each.name.text === name,
  );
  return found?.initializer ?? null;
};

/** `{ code: 'E_…' }`: a reason for not counting, as a value. */
function isReason(node: ts.ObjectLiteralExpression): boolean {
  const code = property(node, 'code');
  return code !== null && ts.isStringLiteral(code) && codePattern.test(code.text);
}

/** `{ ok: false, code: 'E_…' }`: a refusal, as a value. */
function isRefusal(node: ts.Expression): boolean {
  return (
    ts.isObjectLiteralExpression(node) &&
    isReason(node) &&
    property(node, 'ok')?.kind === ts.SyntaxKind.FalseKeyword
  );
}
