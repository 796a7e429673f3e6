import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Source {
  /** Relative to `src/`, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export function readSources(): Source[] {
  const src = join(root, 'src');
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => ({ path: path.split(sep).join('/'), text: readFileSync(join(src, path), 'utf8') }))
    .sort((a, b) => a.path.localeCompare(b.path));
}

export interface Import {
  readonly from: string;
  /** A path relative to `src/` (ending in `.ts`), or the name of a package. */
  readonly to: string;
  readonly external: boolean;
  readonly typeOnly: boolean;
}

/** Every static import, re-export and `import()` (of a value or in a type) of a file. */
export function importsOf({ path, text }: Source): Import[] {
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, typeOnly: boolean): void => {
    if (!specifier || !ts.isStringLiteralLike(specifier)) return;
    const external = !specifier.text.startsWith('.');
    const to = external ? specifier.text : posix.join(posix.dirname(path), specifier.text).replace(/\.js$/, '.ts');
    found.push({ from: path, to, external, typeOnly });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeImport(node.importClause));
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, isTypeExport(node));
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false);
    ts.forEachChild(node, visit);
  };
  visit(parse({ path, text }));
  return found;
}

function isTypeImport(clause: ts.ImportClause | undefined): boolean {
  if (!clause) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const named = clause.namedBindings;
  return (
    !clause.name &&
    !!named &&
    ts.isNamedImports(named) &&
    named.elements.length > 0 &&
    named.elements.every((element) => element.isTypeOnly)
  );
}

function isTypeExport(node: ts.ExportDeclaration): boolean {
  const clause = node.exportClause;
  if (node.isTypeOnly) return true;
  return !!clause && ts.isNamedExports(clause) && clause.elements.every((element) => element.isTypeOnly);
}

function parse({ path, text }: Source): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
}

const ambient = new Set(['Date', 'performance', 'setTimeout', 'setInterval', 'setImmediate']);
const globals = new Set(['globalThis', 'self', 'window', 'global']);

/** Where a file reads the clock, sets a timer or draws a number of its own, as `name:line`. */
export function ambientUsesOf(source: Source): string[] {
  const file = parse(source);
  const uses: string[] = [];
  const visit = (node: ts.Node): void => {
    const name = ambientName(node);
    if (name) uses.push(`${name}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return uses;
}

function ambientName(node: ts.Node): string | undefined {
  if (!ts.isIdentifier(node)) return undefined;
  const { parent, text } = node;
  if (ts.isPropertyAccessExpression(parent) && parent.name === node) {
    const owner = ts.isIdentifier(parent.expression) ? parent.expression.text : '';
    if (text === 'random') return owner === 'Math' ? 'Math.random' : undefined;
    return ambient.has(text) && globals.has(owner) ? text : undefined;
  }
  if (!ambient.has(text) || isOwnMember(node)) {
    // `const { random } = Math` takes it as well.
    const taken = ts.isBindingElement(parent) && text === 'random' && /=\s*Math\b/.test(parent.parent.parent.getText());
    return taken ? 'Math.random' : undefined;
  }
  return text;
}

/** `{ setTimeout() {} }` declares a member of that name; it does not use the global. */
function isOwnMember(node: ts.Identifier): boolean {
  const { parent } = node;
  const named =
    ts.isPropertyAssignment(parent) ||
    ts.isMethodDeclaration(parent) ||
    ts.isMethodSignature(parent) ||
    ts.isPropertySignature(parent) ||
    ts.isPropertyDeclaration(parent);
  return named && parent.name === node;
}

/** The statements of an entry that do more than pass names on. */
export function codeBesideReexports(source: Source): string[] {
  return parse(source)
    .statements.filter((statement) => !(ts.isExportDeclaration(statement) && statement.moduleSpecifier))
    .map((statement) => statement.getText());
}
