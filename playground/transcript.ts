/** What one of the chat's people knows, from what the room has said: a reducer, for `useMessages`. */
import type { Data } from 'longsocket';
import type { FromRoom, Line, PersonStatus } from './room.js';

export interface Transcript {
  readonly you: string;
  readonly people: readonly PersonStatus[];
  readonly lines: readonly Line[];
  /** After which line they have come. */
  readonly after: number;
  /** Lines that came twice, or behind a later one. */
  readonly astray: number;
}

export const nothingYet: Transcript = { you: '', people: [], lines: [], after: 0, astray: 0 };

export function read(before: Transcript, data: Data): Transcript {
  const said = JSON.parse(String(data)) as FromRoom;
  switch (said.type) {
    case 'welcome':
      return { ...nothingYet, you: said.you, after: said.after };
    case 'people':
      return { ...before, people: said.people };
    case 'line': {
      const last = before.lines.at(-1)?.n ?? before.after;
      const astray = before.astray + (said.line.n > last ? 0 : 1);
      return { ...before, astray, lines: [...before.lines, said.line] };
    }
  }
}

/** How many lines must have been said that never came. */
export function missing({ lines, after, astray }: Transcript): number {
  const last = lines.reduce((most, { n }) => Math.max(most, n), after);
  return last - after - (lines.length - astray);
}
