/** README's table of runtimes, made of the results of a run. */

const begin = '<!-- runtimes: begin (npm run test:runtimes -- --update) -->';
const end = '<!-- runtimes: end -->';

/** A group of cases is a column. */
const columns = [
  ['messages', 'messages'],
  ['endings', 'endings, timeouts'],
  ['liveness', 'heartbeat message'],
  ['sessions', 'sessions'],
  ['entries', 'other entries'],
  ['pings', 'protocol pings'],
  ['headers', 'headers, `node`'],
  ['status', 'HTTP status'],
  ['server', '`longsocket/server`'],
];

/** `rows`: `{ name, version, build, results }`, of the runtimes that were there. */
export function tableOf(rows) {
  const notes = [];
  const mark = (text) => {
    if (!notes.includes(text)) notes.push(text);
    return `<sup>${notes.indexOf(text) + 1}</sup>`;
  };
  const used = columns.filter(([group]) =>
    rows.some(({ results }) => results.some((result) => result.group === group)),
  );
  const lines = rows.map(({ name, version, build, results }) => {
    const cells = used.map(([group]) =>
      cellOf(
        results.filter((result) => result.group === group),
        mark,
      ),
    );
    return `| ${[name, version, build === 'node' ? '`ws`' : 'its own', ...cells].join(' | ')} |`;
  });
  const head = ['', 'tested', '`WebSocket`', ...used.map(([, title]) => title)];
  return [
    `| ${head.join(' | ')} |`,
    `|${head.map((_, index) => (index < 3 ? '---|' : ':---:|')).join('')}`,
    ...lines,
    '',
    ...notes.map((note, index) => `${index + 1}. ${note}`),
  ].join('\n');
}

function cellOf(results, mark) {
  if (results.length === 0) return '–';
  if (results.some(({ failure }) => failure)) return 'FAILS';
  const gaps = [...new Set(results.flatMap(({ gap }) => gap ?? []))];
  const sign = results.every(({ gap }) => gap) ? 'no' : '✓';
  return gaps.length === 0 ? sign : `${sign} ${gaps.map(mark).join(' ')}`;
}

const place = (readme) => {
  const [from, to] = [readme.indexOf(begin), readme.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`README needs a line ${begin} and, behind it, a line ${end}`);
  return [from + begin.length, to];
};

/** README with this table in it. */
export function withTable(readme, table) {
  const [from, to] = place(readme);
  return `${readme.slice(0, from)}\n${table}\n${readme.slice(to)}`;
}

/** Lines of the table that README does not have, whatever the versions. Of a part of the runtimes, only their rows are looked at. */
export function untrueLines(readme, table, whole) {
  const lines = (text) =>
    text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map(unversioned);
  const there = lines(readme.slice(...place(readme)));
  const here = lines(table);
  const unmarked = (line) => line.replace(/ <sup>.*?<\/sup>/g, '');
  if (!whole) {
    const rows = there.map(unmarked);
    return here.filter((line) => line.startsWith('| ') && !rows.includes(unmarked(line)));
  }
  return here.length === there.length ? here.filter((line, index) => line !== there[index]) : here;
}

const unversioned = (line) => line.replace(/^(\|[^|]*\|)[^|]*\|/, '$1 |');
