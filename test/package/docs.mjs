/**
 * `npm run docs`: the API reference of every entry, from its docstrings, into `dist-docs/`. Anything public without a docstring, an option
 * without its `@default`, and whatever else TypeDoc has to say, is an error.
 *
 * README's table of contents is written as well.
 *
 * --check: leave nothing behind. Another argument: the folder of a `tsconfig.json` whose files are read instead of the entries.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application, ReflectionKind } from 'typedoc';
import { withContents } from './contents.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { exports, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const check = process.argv.includes('--check');
const given = process.argv.slice(2).find((argument) => !argument.startsWith('--'));

/** The source of each entry: `.` is `index`. */
const entries = Object.keys(exports)
  .filter((path) => path !== './package.json')
  .map((path) => `src/${path === '.' ? 'index' : path.slice(2)}`)
  .map((path) => ['.ts', '.tsx'].map((extension) => join(root, path + extension)).find(existsSync));

const isSource = (name) => /\.tsx?$/.test(name);

/**
 * The fields of a union's variants: a comment before each variant speaks of all of it. (In `Input`, two thirds of the fields would else
 * say again what their neighbour says.)
 */
function fieldsOfDocumentedVariants(project) {
  const isDocumented = ({ types, elementSummaries }) =>
    types.every((variant, index) => variant.type !== 'reflection' || elementSummaries?.[index]?.length > 0);
  return project
    .getReflectionsByKind(ReflectionKind.TypeAlias)
    .filter(({ type }) => type?.type === 'union' && isDocumented(type))
    .flatMap(({ type }) => type.types.flatMap((variant) => variant.declaration?.children ?? []))
    .map((field) => field.getFullName());
}

/** Whoever leaves an option out shall know what happens then. */
function optionsWithoutDefault(project) {
  return project
    .getReflectionsByKind(ReflectionKind.Interface)
    .filter(({ name }) => name.endsWith('Options'))
    .flatMap(({ children = [] }) => children)
    .filter(({ flags, comment }) => flags.isOptional && !comment?.blockTags.some(({ tag }) => tag === '@default'))
    .map((option) => option.getFullName());
}

const readme = join(root, 'README.md');
const out = check ? mkdtempSync(join(tmpdir(), 'longsocket-docs-')) : join(root, 'dist-docs');
const app = await Application.bootstrap({
  name: `longsocket ${version}`,
  tsconfig: join(given ?? root, 'tsconfig.json'),
  entryPoints: given
    ? readdirSync(given)
        .filter(isSource)
        .map((name) => join(given, name))
    : entries,
  out,
  highlightLanguages: ['js', 'jsx', 'ts', 'tsx', 'json', 'sh', 'http', 'nginx', 'html'],
  readme,
  customCss: join(root, 'test/package/docs.css'),
  markdownItOptions: { html: true, linkify: false },
  logLevel: 'Warn',
  // There is no public repository to link to.
  disableSources: true,
  excludeInternal: true,
  excludePrivate: true,
  excludeProtected: true,
  excludeExternals: true,
  treatWarningsAsErrors: true,
  treatValidationWarningsAsErrors: true,
  validation: { notExported: true, invalidLink: true, rewrittenLink: true, notDocumented: true },
});
const project = await app.convert();
if (!project) process.exit(1);
/** The test for the platform's type, in a conditional type. */
const condition = ['index.Abort.__type.AbortSignal', 'index.Abort.__type.AbortSignal.__type.prototype'];
const intended = new Set([...fieldsOfDocumentedVariants(project), ...(given ? [] : condition)]);
app.options.setValue('intentionallyNotDocumented', [...intended]);
app.validate(project);
for (const name of optionsWithoutDefault(project)) app.logger.warn(`${name} is optional, and has no @default`);
if (!check) writeFileSync(readme, withContents(readFileSync(readme, 'utf8')));
// Modules are called as they are imported.
for (const entry of project.children ?? []) {
  if (entry.kindOf(ReflectionKind.Module))
    entry.name = entry.name === 'index' ? 'longsocket' : `longsocket/${entry.name}`;
}
await app.generateOutputs(project);
if (check) rmSync(out, { recursive: true });
if (app.logger.hasErrors() || app.logger.hasWarnings()) process.exit(1);
console.log(`${project.getReflectionsByKind(ReflectionKind.All).length} names documented, without a warning`);
