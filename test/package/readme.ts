import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './source.js';

export const readme = readFileSync(join(root, 'README.md'), 'utf8');

/** The text of the block behind this comment; there has to be one. */
export function checked(name: string): string {
  const block = new RegExp(`<!-- check: ${name} -->\n\`\`\`\\w+\n([\\s\\S]*?)\`\`\``).exec(readme);
  if (!block) throw new Error(`README has no block behind <!-- check: ${name} -->`);
  return block[1] as string;
}

/** README without its code blocks. */
export const prose = readme.replace(/```[\s\S]*?```/g, '');
