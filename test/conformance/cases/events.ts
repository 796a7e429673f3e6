/** Listeners and handlers (DOM, "Interface EventTarget"; HTML, "Event handlers"). */
import type { Case, Run, Socket } from '../kit.js';

async function echoing(run: Run): Promise<Socket> {
  const socket = run.dial(run.url('/echo'));
  await run.event(socket, 'open');
  return socket;
}

/** Sends these, and waits for the last to be back. */
async function echoed(run: Run, socket: Socket, ...texts: string[]): Promise<void> {
  for (const text of texts) {
    socket.send(text);
    await run.event(socket, 'message');
  }
}

export const eventCases: readonly Case[] = [
  {
    name: 'the constructor does not wait for anybody: open comes in a later task',
    expected: ['constructed', 'microtask', 'open'],
    ask: async (run) => {
      const socket = run.dial(run.url('/echo'));
      const order = ['constructed'];
      await Promise.resolve();
      order.push('microtask');
      socket.onopen = () => order.push('open');
      await run.event(socket, 'open');
      return order;
    },
  },
  {
    name: 'once, signal, and objects with handleEvent, whose method is looked up each time',
    expected: ['once a', 'signal a', 'object a', 'signal b', 'changed b', 'changed c'],
    ask: async (run) => {
      const socket = await echoing(run);
      const heard: string[] = [];
      const controller = new AbortController();
      const object = { handleEvent: ({ data }: MessageEvent) => heard.push(`object ${data}`) };
      socket.addEventListener('message', ({ data }) => heard.push(`once ${data}`), { once: true });
      socket.addEventListener('message', ({ data }) => heard.push(`signal ${data}`), { signal: controller.signal });
      socket.addEventListener('message', object);
      await echoed(run, socket, 'a');
      object.handleEvent = ({ data }) => heard.push(`changed ${data}`);
      await echoed(run, socket, 'b');
      controller.abort();
      await echoed(run, socket, 'c');
      return heard;
    },
  },
  {
    name: 'a listener is added once, however often, and removed by itself alone',
    expected: ['a'],
    ask: async (run) => {
      const socket = await echoing(run);
      const heard: string[] = [];
      const listener = ({ data }: MessageEvent) => heard.push(data);
      socket.addEventListener('message', listener);
      socket.addEventListener('message', listener);
      await echoed(run, socket, 'a');
      socket.removeEventListener('message', () => {});
      socket.removeEventListener('message', listener);
      await echoed(run, socket, 'b');
      return heard;
    },
  },
  {
    name: 'listeners that are removed by another are not called any more, and those added from the next event on',
    expected: ['first a', 'first b', 'added b'],
    ask: async (run) => {
      const socket = await echoing(run);
      const heard: string[] = [];
      const added = ({ data }: MessageEvent) => heard.push(`added ${data}`);
      const removed = () => heard.push('removed');
      socket.addEventListener('message', ({ data }) => {
        heard.push(`first ${data}`);
        socket.removeEventListener('message', removed);
        socket.addEventListener('message', added);
      });
      socket.addEventListener('message', removed);
      await echoed(run, socket, 'a', 'b');
      return heard;
    },
  },
  {
    name: 'a handler takes its turn where it was first set, and keeps it when it is replaced',
    expected: ['1', '2', '3'],
    ask: async (run) => {
      const socket = await echoing(run);
      const heard: string[] = [];
      socket.addEventListener('message', () => heard.push('1'));
      socket.onmessage = () => heard.push('old');
      socket.addEventListener('message', () => heard.push('3'));
      socket.onmessage = () => heard.push('2');
      await echoed(run, socket, 'x');
      return heard;
    },
  },
  {
    name: 'a handler that was null takes its turn anew',
    expected: ['listener', 'handler'],
    ask: async (run) => {
      const socket = await echoing(run);
      const heard: string[] = [];
      socket.onmessage = () => heard.push('old');
      socket.addEventListener('message', () => heard.push('listener'));
      socket.onmessage = null;
      socket.onmessage = () => heard.push('handler');
      await echoed(run, socket, 'x');
      return heard;
    },
  },
  {
    name: 'a handler that cannot be called is not, even with handleEvent',
    expected: ['listener'],
    ask: async (run) => {
      const socket = await echoing(run);
      const heard: string[] = [];
      socket.onmessage = { handleEvent: () => heard.push('no') } as never;
      socket.addEventListener('message', () => heard.push('listener'));
      await echoed(run, socket, 'x');
      return heard;
    },
  },
  {
    name: 'a handler is called with the event alone, and on the socket',
    expected: [[true, 1, 'message', true, true, 2]],
    ask: async (run) => {
      const socket = await echoing(run);
      const calls: unknown[] = [];
      socket.onmessage = function (this: unknown, ...args: [MessageEvent]) {
        const [{ type, target, currentTarget, eventPhase }] = args;
        calls.push([this === socket, args.length, type, target === socket, currentTarget === socket, eventPhase]);
      } as (event: MessageEvent) => void;
      await echoed(run, socket, 'x');
      return calls;
    },
  },
  {
    name: 'stopImmediatePropagation keeps an event from the rest',
    expected: ['first'],
    ask: async (run) => {
      const socket = await echoing(run);
      const heard: string[] = [];
      const done = new Promise<void>((resolve) => {
        socket.addEventListener('message', (event) => {
          heard.push('first');
          // Not everybody has it.
          event.stopImmediatePropagation?.();
          resolve();
        });
      });
      socket.onmessage = () => heard.push('second');
      socket.send('x');
      await done;
      await run.later(10);
      return heard;
    },
  },
  {
    name: 'anybody may dispatch events of any type at it',
    expected: ['custom', 'own open', true, 1],
    ask: async (run) => {
      const socket = await echoing(run);
      const heard: unknown[] = [];
      socket.addEventListener('custom', ({ type }) => heard.push(type));
      socket.onopen = () => heard.push('own open');
      socket.dispatchEvent(new Event('custom'));
      heard.push(socket.dispatchEvent(new Event('open')));
      return [...heard, socket.readyState];
    },
  },
  {
    name: 'a listener that throws keeps nothing from the others, and is reported',
    inPage: true,
    expected: [
      ['second', 'handler', 'second', 'handler'],
      ['thrown', 'thrown'],
    ],
    ask: async (run) => {
      const socket = await echoing(run);
      const heard: string[] = [];
      const reported: string[] = [];
      const report = (event: ErrorEvent): void => {
        reported.push(event.error.message);
        event.preventDefault();
      };
      addEventListener('error', report);
      socket.addEventListener('message', () => {
        throw new Error('thrown');
      });
      socket.addEventListener('message', () => heard.push('second'));
      socket.onmessage = () => heard.push('handler');
      await echoed(run, socket, 'a', 'b');
      removeEventListener('error', report);
      return [heard, reported];
    },
  },
  {
    name: 'one may close and send in any listener',
    expected: [
      ['open', 'state 1'],
      ['message', 'x', 'state 1'],
      ['close', 4000, 'done', true, 'state 3'],
    ],
    ask: async (run) => {
      const socket = run.open('/echo');
      socket.onopen = () => socket.send('x');
      socket.onmessage = () => socket.close(4000, 'done');
      socket.onclose = () => {
        socket.close();
        socket.send('too late');
      };
      await run.ended(socket);
    },
  },
  {
    name: 'a socket that is opened in another one’s close is another one',
    expected: ['open', 'close', 'open', 'close'],
    ask: async (run) => {
      const told: string[] = [];
      const life = async (): Promise<void> => {
        const socket = run.dial(run.url('/echo'));
        socket.onopen = () => {
          told.push('open');
          socket.close();
        };
        await new Promise<void>((resolve) => {
          socket.onclose = () => {
            told.push('close');
            resolve(told.length < 4 ? life() : undefined);
          };
        });
      };
      await life();
      return told;
    },
  },
];
