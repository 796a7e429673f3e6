import fc from 'fast-check';
import { expect, test } from 'vitest';
import { requests } from '../../src/messages.js';
import { simulated } from '../socket/simulated.js';

/** Envelopes that are almost right: known ids, ids of nobody, bodies that are none. `@0` stands for the first id of this end. */
const envelope = fc
  .tuple(
    fc.constantFrom('Q', 'A', 'E', 'C', 'H', 'L', '=', 'X', ''),
    fc.constantFrom('@0', '@1', '@2', 'theirs', '__proto__', 'toString', '', ' ', 'a'.repeat(65), 'é'),
    fc.constantFrom('', ' ', ' 1', ' {', ' "a"', ' {"__proto__":{"a":1}}', ' handler', ' none', ' busy x', ' @1 @2'),
  )
  .map((parts) => `\u0005${parts.join('')}`);

const message = fc.oneof(
  { weight: 4, arbitrary: envelope },
  fc.string(),
  fc.uint8Array({ maxLength: 8 }).map((bytes) => Uint8Array.of(0xc1, ...bytes)),
);

test('whatever a peer sends, no request settles twice, none stays behind, and the socket goes on', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 40 }), async (hostile) => {
      const thrown: unknown[] = [];
      const { socket, server, received, clock, details, names } = simulated({
        onListenerError: (error) => thrown.push(error),
      });
      const calls = requests(socket, { timeout: 5000, maxHandled: 3 });
      let handled = 0;
      calls.handle((data) => (++handled % 3 === 0 ? new Promise(() => {}) : data));
      clock.advance(100);
      const fates = [0, 0, 0];
      for (const n of [0, 1, 2])
        calls.request(n).then(
          ...both(() => {
            fates[n] = (fates[n] ?? 0) + 1;
          }),
        );
      await clock.advanceAsync(100);
      const ids = received.map((data) => String(data).slice(2).split(' ')[0] as string);
      let plain = 0;
      for (const data of hostile) {
        const sent = typeof data === 'string' ? data.replace(/@(\d)/g, (_, n) => ids[n] as string) : data;
        if (typeof sent === 'string' && (!sent.startsWith('\u0005') || sent[1] === '=')) plain++;
        if (typeof sent !== 'string' && sent[1] === 0x3d) plain++;
        server().send(sent);
      }
      await clock.advanceAsync(1000);
      // Messages are still messages, no more and no fewer.
      expect(details('message')).toHaveLength(plain);
      for (const error of details('error')) expect(error).toMatchObject({ code: 'INVALID_MESSAGE' });
      await clock.advanceAsync(5000);
      expect([fates, calls.pending, thrown]).toEqual([[1, 1, 1], 0, []]);
      expect([names().includes('interrupted'), socket.state.status]).toEqual([false, 'connected']);
      expect('a' in {}).toBe(false);
      socket.close();
      await clock.advanceAsync(1000);
      expect(clock.timers).toBe(0);
    }),
    { numRuns: 200 },
  );
});

const both = (call: () => void): [() => void, () => void] => [call, call];
