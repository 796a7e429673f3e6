import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Effect, Input } from '../../src/core/types.js';
import { probing } from './helpers/config.js';
import { brief, CUT, Machine, told, written } from './helpers/machine.js';

/** The table at the top of `line.ts`: what it says is what is tested. */
const TABLE = [...readFileSync(new URL('../../src/core/line.ts', import.meta.url), 'utf8').matchAll(/^ \* (\|.*\|)$/gm)]
  .map(([, row]) => row)
  .join('\n');

type PhaseName = 'closed' | 'waiting' | 'dialing' | 'greeting' | 'connected' | 'closing';

/** What is at work in each phase: connection 1, and none while waiting. */
function inPhase(name: PhaseName): Machine {
  const machine = new Machine({ greets: true, heartbeat: probing() });
  if (name === 'closed') return machine;
  machine.connect();
  if (name === 'waiting') machine.ends(1);
  if (name === 'waiting' || name === 'dialing') return machine;
  machine.opens(1);
  if (name === 'greeting') return machine;
  machine.step({ type: 'greeted', id: 1 });
  if (name === 'closing') machine.close(0, 4000, 'bye');
  return machine;
}

/** The same with one message that waits, where one can. */
function withQueue(name: PhaseName): Machine {
  if (name !== 'connected' && name !== 'closing') {
    const machine = inPhase(name);
    machine.send('waits');
    return machine;
  }
  const machine = inPhase('connected');
  machine.step({ type: 'connection-backed-up', id: 1 });
  machine.send('waits');
  if (name === 'closing') machine.close(0, 4000, 'bye');
  return machine;
}

/** A transport that the greeting has filled holds what waits back behind `open`, too; `written` is what it lets pass. */
function expectGreetingHolds(input: Input, written: readonly string[]): void {
  const machine = inPhase('greeting');
  machine.send('waits');
  if (input.type === 'connection-writable') machine.step({ type: 'connection-backed-up', id: 1 });
  expect(machine.step(input)).toEqual([]);
  const effects = brief(machine.step({ type: 'greeted', id: 1 }));
  expect(effects.filter((effect) => effect.startsWith('write'))).toEqual(written);
}

const INPUTS: Record<string, readonly Input[]> = {
  connect: [{ type: 'connect' }],
  reconnect: [{ type: 'reconnect' }],
  rotate: [{ type: 'rotate' }],
  adopt: [{ type: 'adopt', canPing: true }],
  send: [{ type: 'send', data: 'text' }],
  close: [{ type: 'close', code: 4000, reason: 'bye' }],
  terminate: [{ type: 'terminate' }],
  'connection-open': [{ type: 'connection-open', id: 1, canPing: true }],
  'greeting-send': [{ type: 'greeting-send', id: 1, data: 'token' }],
  greeted: [{ type: 'greeted', id: 1 }],
  'greeting-failed': [{ type: 'greeting-failed', id: 1, error: 'no' }],
  'message-received': [{ type: 'message-received', id: 1, data: 'hello' }],
  'ping-, pong-received': [
    { type: 'ping-received', id: 1 },
    { type: 'pong-received', id: 1, payload: '0' },
  ],
  'connection-backed-up': [{ type: 'connection-backed-up', id: 1 }],
  'connection-writable': [{ type: 'connection-writable', id: 1 }],
  'connection-close': [{ type: 'connection-close', id: 1, ...CUT }],
  'online, wake': [{ type: 'online' }, { type: 'wake' }],
  offline: [{ type: 'offline' }],
  freeze: [{ type: 'freeze' }],
  flush: [{ type: 'flush' }],
  'timeout, when due': [{ type: 'timeout' }],
  'timeout, 1 s too late': [{ type: 'timeout' }],
};

interface Cell {
  readonly phase: PhaseName;
  readonly input: Input;
  readonly at: (machine: Machine) => number;
}

type Arrange = (name: PhaseName) => Machine;

function enter({ phase, input, at }: Cell, arrange: Arrange = inPhase): { machine: Machine; effects: Effect[] } {
  const machine = arrange(phase);
  return { machine, effects: machine.step(input, at(machine)) };
}

const expectDial = (cell: Cell, reason: string, before: string[] = []): void => {
  const { effects } = enter(cell);
  const id = cell.phase === 'closed' ? 1 : 2;
  expect(brief(effects).slice(0, before.length + 2)).toEqual([...before, 'state connecting', `dial ${id}`]);
  expect(effects.find(({ type }) => type === 'dial')).toMatchObject({ id, reason });
};

const reasonOf = ({ type }: Input): string => (type === 'connect' || type === 'reconnect' ? type : 'retry');
const isOpen = ({ phase }: Cell): boolean => phase === 'connected';

const expectLost = (cell: Cell, arrange: Arrange): void => {
  const { effects } = enter(cell, arrange);
  const gone = cell.input.type === 'connection-close' ? [] : ['terminate 1'];
  const interrupted = isOpen(cell) ? ['interrupted'] : [];
  expect(brief(effects)).toEqual([...gone, 'state connecting', ...interrupted, 'error', 'reconnecting']);
  expect(effects.at(-1)).toMatchObject({ detail: { cause: { phase: isOpen(cell) ? 'open' : stage(cell) } } });
};
const stage = ({ phase }: Cell): string => (phase === 'greeting' ? 'greeting' : 'dial');

/** What each word of the table means. */
const OUTCOMES: Record<string, (cell: Cell) => void> = {
  '–': (cell) => {
    for (const arrange of [inPhase, withQueue]) {
      const machine = arrange(cell.phase);
      const { state, deadline, queuedCount } = machine.session;
      expect(machine.step(cell.input, cell.at(machine))).toEqual([]);
      expect(machine.session).toMatchObject({ state, deadline, queuedCount });
    }
  },
  count: (cell) => {
    const { machine, effects } = enter(cell, (phase) => {
      const arranged = withQueue(phase);
      arranged.step({ type: 'connection-writable', id: 1 });
      return arranged;
    });
    expect(effects).toEqual([]);
    if (cell.input.type === 'pong-received') machine.step({ ...cell.input, payload: '1' });
    const [detail] = told(machine.ends(1), 'close');
    expect(detail?.undelivered).toBe(cell.input.type === 'send' ? 1 : 0);
    expect(detail?.unconfirmed).toBe(cell.input.type === 'pong-received' ? 0 : 1);
  },
  'new life': (cell) => expectDial(cell, reasonOf(cell.input), ['begin']),
  'dial now': (cell) => expectDial(cell, reasonOf(cell.input)),
  dial: (cell) => expectDial(cell, 'retry'),
  'dial, if allowed': (cell) => {
    expectDial(cell, 'retry');
    const asked = new Machine();
    asked.connect();
    asked.ends(1, { status: 503, retryAfter: 60_000 });
    expect(asked.step(cell.input, 59_999)).toEqual([]);
    expect(brief(asked.step(cell.input, 60_000))).toEqual(['state connecting', 'dial 2']);
  },
  'dial anew': (cell) => expectDial(cell, 'reconnect', ['terminate 1']),
  'end it, dial now': (cell) => {
    expectDial(cell, 'reconnect', ['terminate 1']);
    expect(told(enter(cell).effects, 'interrupted')).toHaveLength(1);
  },
  'end, new life': (cell) => expectDial(cell, reasonOf(cell.input), ['terminate 1', 'state closed', 'close', 'begin']),
  connected: (cell) => expect(brief(enter(cell).effects)).toEqual(['begin', 'state connected', 'open']),
  queue: (cell) => {
    const { machine, effects } = enter(cell);
    expect(effects).toEqual([]);
    expect(machine.session.queuedCount).toBe(1);
  },
  'write, or queue': (cell) => {
    expect(enter(cell).effects).toEqual([{ type: 'write', id: 1, data: 'text' }]);
    const { machine, effects } = enter(cell, withQueue);
    expect(effects).toEqual([]);
    expect(machine.session.queuedCount).toBe(2);
  },
  end: (cell) => {
    const { effects } = enter(cell);
    const alive = cell.phase !== 'waiting' && cell.input.type !== 'connection-close' ? ['terminate 1'] : [];
    expect(brief(effects)).toEqual([...alive, 'state closed', 'close']);
    expect(effects.at(-1)).toMatchObject({ detail: { cause: 'caller' } });
  },
  'flush, hang up': (cell) => {
    const { effects } = enter(cell, cell.input.type === 'close' ? inPhase : withQueue);
    expect(effects.at(-1)).toEqual({ type: 'hang-up', id: 1, code: 4000, reason: 'bye' });
    expect(written(effects)).toEqual(cell.input.type === 'close' ? [] : ['waits']);
  },
  'greet, or open': (cell) => {
    expect(brief(enter(cell).effects)).toEqual(['greet 1']);
    const withoutHook = new Machine();
    withoutHook.connect();
    expect(brief(withoutHook.step(cell.input))).toEqual(['state connected', 'open']);
  },
  write: (cell) => expect(enter(cell).effects).toEqual([{ type: 'write', id: 1, data: 'token' }]),
  'open, flush': (cell) => {
    expect(brief(enter(cell, withQueue).effects)).toEqual(['state connected', 'open', 'write 1']);
  },
  'to the hook': (cell) => expect(enter(cell).effects).toEqual([{ type: 'greeting-message', data: 'hello' }]),
  deliver: (cell) => expect(enter(cell).effects).toEqual([{ type: 'message', data: 'hello' }]),
  life: (cell) => {
    const machine = inPhase(cell.phase);
    expect(machine.step(cell.input, 777)).toEqual([]);
    expect(machine.deadline).toBe(25_777);
  },
  'hold the queue': (cell) => {
    if (cell.phase === 'greeting') return expectGreetingHolds(cell.input, []);
    const { machine, effects } = enter(cell, () => {
      const arranged = inPhase('connected');
      if (cell.phase === 'closing') {
        arranged.step({ type: 'connection-backed-up', id: 1 });
        arranged.close();
      }
      return arranged;
    });
    expect(effects).toEqual([]);
    if (cell.phase === 'connected') expect(machine.send('held')).toEqual([]);
    expect(brief(machine.step({ type: 'connection-writable', id: 1 }))).toEqual([
      cell.phase === 'connected' ? 'write 1' : 'hang-up 1',
    ]);
  },
  'hold no more': (cell) => expectGreetingHolds(cell.input, ['write 1']),
  flush: (cell) => expect(enter(cell, withQueue).effects).toEqual([{ type: 'write', id: 1, data: 'waits' }]),
  'the next part': (cell) => {
    const machine = new Machine({ maxBufferedBytes: 1024 * 1024 });
    machine.connect();
    for (let n = 0; n < 9; n++) machine.send(String(n).repeat(100 * 1024));
    expect(written(machine.opens(1)).map((data) => String(data)[0])).toEqual(['0', '1', '2']);
    const closing = cell.phase === 'closing';
    if (closing)
      expect(brief(machine.close(0, 4000, 'bye'))).toEqual(['state connected', 'write 1', 'write 1', 'write 1']);
    expect(machine.session.flushes).toBe(true);
    const effects = machine.step(cell.input);
    expect(written(effects)).toHaveLength(3);
    expect(brief(effects).at(-1)).toBe(closing ? 'hang-up 1' : 'write 1');
    expect(machine.session.flushes).toBe(!closing);
    machine.step({ type: 'connection-backed-up', id: 1 });
    expect(machine.session.flushes).toBe(false);
  },
  'open the next': (cell) => {
    const { machine, effects } = enter(cell);
    expect(brief(effects)).toEqual(['rotating', 'dial 2']);
    expect(effects[1]).toMatchObject({ reason: 'rotate' });
    expect(written(machine.send('still here'))).toEqual(['still here']);
  },
  lost: (cell) => expectLost(cell, inPhase),
  probe: (cell) => {
    const { machine, effects } = enter(cell);
    expect(effects).toEqual([{ type: 'ping', id: 1, payload: '0' }]);
    expect(machine.deadline).toBe(machine.now + 3000);
  },
  'judge no more': (cell) => expect(enter(cell).machine.session.deadline).toBeUndefined(),
  'probe, or lost': (cell) => {
    expect(brief(enter(cell).effects)).toEqual(['ping 1']);
    expectLost(cell, (phase) => {
      const machine = inPhase(phase);
      machine.due();
      return machine;
    });
  },
  'once more': (cell) => {
    const { machine, effects } = enter(cell);
    expect(effects).toEqual([]);
    expect(machine.deadline).toBe(machine.now + 3000);
  },
  'as wake': (cell) => OUTCOMES.probe?.(cell),
};

const [header = [], , ...rows] = TABLE.trim()
  .split('\n')
  .map((line) => line.split('|').slice(1, -1))
  .map((cells) => cells.map((cell) => cell.trim()));

function timeOf(row: string): Cell['at'] {
  if (row === 'timeout, when due') return ({ session, now }) => session.deadline ?? now;
  if (row === 'timeout, 1 s too late') return ({ session, now }) => (session.deadline ?? now) + 1001;
  return ({ now }) => now;
}

describe('every input in every phase', () => {
  test('the table has a row for each input there is', () => {
    expect(rows.map(([row]) => row)).toEqual(Object.keys(INPUTS));
  });

  for (const [row = '', ...cells] of rows) {
    for (const [index, word] of cells.entries()) {
      const phase = header[index + 1] as PhaseName;
      test(`${row} while ${phase}: ${word}`, () => {
        const outcome = OUTCOMES[word];
        if (!outcome) throw new Error(`nobody knows what "${word}" means`);
        for (const input of INPUTS[row] ?? []) outcome({ phase, input, at: timeOf(row) });
      });
    }
  }

  test('inputs of a connection other than the phase’s own are ignored everywhere', () => {
    for (const phase of header.slice(1) as PhaseName[]) {
      for (const input of Object.values(INPUTS).flat()) {
        if (!('id' in input)) continue;
        for (const id of [-1, 0, 2, 3, Number.NaN]) {
          const machine = withQueue(phase);
          const { state, deadline, queuedCount } = machine.session;
          expect(machine.step({ ...input, id })).toEqual([]);
          expect(machine.session).toMatchObject({ state, deadline, queuedCount });
        }
      }
    }
  });
});
