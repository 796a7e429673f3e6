import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../package/source.js';
import { differences } from './differences.js';

const read = (path: string): string => readFileSync(join(root, path), 'utf8');

test('README has a row for each difference from the other libraries, and for nothing else', () => {
  const [, section = ''] =
    /## From partysocket and reconnecting-websocket\n([\s\S]*?)\n## /.exec(read('README.md')) ?? [];
  const rows = [...section.matchAll(/^\| \*\*(.+?)\*\* \|/gm)].map(([, name]) => name);
  expect(rows).toEqual(Object.keys(differences));
});

test.each(Object.entries(differences))('"%s" is shown by %s', (name, shown) => {
  const scenarios = read('test/loopback/compat-differential.test.ts');
  const titles = [
    'test/compat/reconnecting-websocket.test.ts',
    'test/compat/party-socket.test.ts',
    'test/package/exports.test.ts',
  ];
  if (shown === 'a scenario') expect(scenarios).toMatch(new RegExp(`\\[\\s*['"]${name.replace(/[()]/g, '\\$&')}['"],`));
  else expect(titles.map(read).join('')).toContain(`'${shown}'`);
});
