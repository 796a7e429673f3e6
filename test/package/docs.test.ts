import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { root } from './source.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'longsocket-docs-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What the script says of the entries, or of these texts, each a file. */
function check(...texts: readonly string[]): { status: number | null; output: string } {
  const config = { compilerOptions: { target: 'es2022', strict: true, types: [] }, include: ['*.ts'] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'fixture' }));
  for (const [index, text] of texts.entries()) writeFileSync(join(folder, `file-${index}.ts`), text);
  const args = [join(root, 'test/package/docs.mjs'), '--check', ...(texts.length > 0 ? [folder] : [])];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

test('every export and every public member has a docstring, and TypeDoc has nothing to say', () => {
  const { status, output } = check();
  expect(output).toMatch(/^\d+ names documented, without a warning\n$/);
  expect(status).toBe(0);
});

test('the check finds whatever lacks a docstring, is not exported, or links to nothing', () => {
  const { status, output } = check(
    'export const anExport = 1;',
    '/** A. */\nexport interface A {\n  readonly aMember: string;\n}',
    '/** B. */\nexport class B {\n  aMethod(): void {}\n}',
    '/** C. */\nexport type C =\n  /** Yes. */\n  | { readonly said: 1 }\n  | { readonly unsaid: 1 };',
    'interface Hidden {}\n/** D. */\nexport const d: Hidden = {};',
    '/** See {@link nowhere}. */\nexport const e = 1;',
    '/** F. */\nexport interface FOptions {\n  /** G. */\n  readonly g?: string;\n}',
  );
  for (const found of [
    'anExport',
    'A.aMember',
    'B.aMethod',
    'C.__type.unsaid',
    'Hidden, defined',
    '"nowhere"',
    'FOptions.g is optional',
  ]) {
    expect(output).toContain(found);
  }
  expect(status).not.toBe(0);
});

test('the check lets pass the fields of a variant that a comment speaks of', () => {
  const { status, output } = check(
    '/** A. */\nexport type A =\n  /** B. */\n  | { readonly b: 1 }\n  /** C. */\n  | { readonly c: 1 };',
  );
  expect(output).toMatch(/without a warning/);
  expect(status).toBe(0);
});
