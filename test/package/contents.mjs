/** README's table of contents: a line for each section, with what is below it. `npm run docs` writes it, a test compares it. */

/** As GitHub makes them. */
export const anchorOf = (heading) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

/** The headings below the title; those of examples are none. */
export function headingsOf(text) {
  const prose = text.replace(/```[\s\S]*?```/g, '');
  return [...prose.matchAll(/^(##+) (.+)$/gm)].map(([, marks, heading]) => ({ level: marks.length, heading }));
}

/** The text with a table of contents that is right. */
export function withContents(text) {
  const lines = [];
  for (const { level, heading } of headingsOf(text)) {
    if (heading === 'Contents' || level > 4) continue;
    const link = `[${heading}](#${anchorOf(heading)})`;
    if (level === 2) lines.push({ link, below: [] });
    else lines.at(-1).below.push(link);
  }
  const contents = lines.map(({ link, below }) => `- ${[link, below.join(' · ')].filter(Boolean).join(': ')}`);
  return text.replace(
    /(## Contents\n\n)[\s\S]*?(\n\n## )/,
    (_, before, behind) => before + contents.join('\n') + behind,
  );
}
