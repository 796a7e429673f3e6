import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { type Codec, LongSocket, type Socket } from '../../src/index.js';
import { json, type StandardSchema } from '../../src/messages.js';
import { accept, LongSocketServer } from '../../src/server.js';
import { settle, simulated } from '../socket/simulated.js';

/** The same schema in three libraries: a number, and a date that travels as text. */
const schemas: [string, StandardSchema<{ n: number; at: string }, { n: number; at: Date }>][] = [
  ['zod', z.object({ n: z.number(), at: z.iso.datetime().transform((text) => new Date(text)) })],
  [
    'valibot',
    v.object({
      n: v.number(),
      at: v.pipe(
        v.string(),
        v.isoTimestamp(),
        v.transform((text) => new Date(text)),
      ),
    }),
  ],
  ['arktype', type({ n: 'number', at: 'string.date.iso.parse' })],
];

const AT = '2026-01-02T03:04:05.000Z';

const errorOf = (call: () => unknown): { code: string; message: string; cause: unknown } => {
  try {
    call();
  } catch (error) {
    return error as never;
  }
  throw new Error('it did not throw');
};

describe('json()', () => {
  const codec = json();

  test.each([null, true, 0, '', 'text', [], { a: [{ b: 'é' }] }])('brings %j back as it was', (value) => {
    expect(codec.decode(codec.encode(value))).toEqual(value);
    expect(codec.encode(value)).toBeTypeOf('string');
  });

  test('reads bytes as UTF-8, of any view, and nothing that is none', () => {
    const bytes = new TextEncoder().encode('xx{"a":"é"}');
    expect(codec.decode(bytes.subarray(2))).toEqual({ a: 'é' });
    expect(codec.decode(bytes.slice(2).buffer)).toEqual({ a: 'é' });
    expect(() => codec.decode(new Uint8Array([0x22, 0xff, 0x22]))).toThrow(TypeError);
  });

  test.each([undefined, () => {}, Symbol('no')])('has no words for %s', (value) => {
    expect(errorOf(() => codec.encode(value))).toMatchObject({ code: 'INVALID_MESSAGE', message: /JSON has no/ });
  });

  test('a name that is special in JavaScript is a name like any other', () => {
    const message = codec.decode('{"__proto__":{"polluted":true}}') as object;
    expect(Object.keys(message)).toEqual(['__proto__']);
    expect('polluted' in {}).toBe(false);
  });

  test.each([
    [{ schema: {} }, /`json.schema` must be a schema that follows Standard Schema/],
    [{ shcema: z.string() }, /unknown option `json.shcema`/],
    [{ schema: z.string(), incoming: z.string() }, /`json.schema` is for both directions/],
    [null, /must be an object/],
  ])('refuses options %j', (options, message) => {
    expect(errorOf(() => json(options as never))).toMatchObject({ code: 'INVALID_OPTION' });
    expect(errorOf(() => json(options as never)).message).toMatch(message);
  });
});

describe.each(schemas)('json({ schema }) of %s', (_, schema) => {
  const codec = json({ schema });

  test('gives what the schema makes of what came', () => {
    expect(codec.decode(`{"n":1,"at":"${AT}"}`)).toEqual({ n: 1, at: new Date(AT) });
  });

  test('sends what it was given, not what the schema makes of it', () => {
    expect(codec.encode({ n: 1, at: AT })).toBe(`{"n":1,"at":"${AT}"}`);
  });

  test('refuses what does not fit, both ways, with the issues of the schema', () => {
    for (const call of [
      () => codec.decode(`{"n":"one","at":"${AT}"}`),
      () => codec.encode({ n: 'one', at: AT } as never),
    ]) {
      const { code, message, cause } = errorOf(call);
      expect(code).toBe('INVALID_MESSAGE');
      expect(message).toMatch(/does not fit the schema: .*n/);
      expect([...(cause as unknown[])]).toMatchObject([{ message: expect.any(String), path: expect.anything() }]);
    }
  });
});

describe('json({ incoming, outgoing })', () => {
  test('checks each direction by its own schema, and one without a schema not at all', () => {
    const both = json({ incoming: z.number(), outgoing: z.string() });
    expect([both.decode('5'), both.encode('five')]).toEqual([5, '"five"']);
    expect(() => both.decode('"five"')).toThrow(/does not fit/);
    expect(() => both.encode(5 as never)).toThrow(/does not fit/);
    const one = json({ incoming: z.number() });
    expect(one.encode({ whatever: true })).toBe('{"whatever":true}');
  });

  test.each<[string, StandardSchema<string>]>([
    ['zod', z.string().refine(async () => true)],
    [
      'valibot',
      v.pipeAsync(
        v.string(),
        v.checkAsync(async () => true),
      ) as never,
    ],
    [
      'a library whose promise rejects',
      { '~standard': { version: 1, vendor: 'test', validate: () => Promise.reject(new Error('late')) } },
    ],
  ])('says that an async schema of %s cannot be used', async (_, schema) => {
    const codec = json({ schema });
    expect(errorOf(() => codec.decode('"a"'))).toMatchObject({
      code: 'INVALID_OPTION',
      message: /must validate at once/,
    });
    expect(errorOf(() => codec.encode('a'))).toMatchObject({
      code: 'INVALID_OPTION',
      message: /must validate at once/,
    });
    await settle();
  });

  test('a schema that answers nothing is a message that is not valid', () => {
    const schema: StandardSchema<string> = {
      '~standard': { version: 1, vendor: 'test', validate: () => undefined as never },
    };
    expect(errorOf(() => json({ schema }).decode('"a"'))).toMatchObject({ code: 'INVALID_MESSAGE' });
  });

  test('a schema that throws is a message that is not valid', () => {
    const schema: StandardSchema<string> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: () => {
          throw new Error('broken');
        },
      },
    };
    expect(errorOf(() => json({ schema }).decode('"a"'))).toMatchObject({
      code: 'INVALID_MESSAGE',
      cause: { message: 'broken' },
    });
  });
});

describe('a socket that speaks json({ schema })', () => {
  test('tells of what does not parse and what does not fit, and goes on', () => {
    const { server, clock, details } = simulated({ codec: json({ incoming: z.object({ n: z.number() }) }) });
    clock.advance(100);
    for (const data of ['{"n":1}', '{"n":', '{"n":"two"}', '{"n":3}']) server().send(data);
    clock.advance(100);
    expect(details('message')).toEqual([{ n: 1 }, { n: 3 }]);
    expect(details('error')).toMatchObject([
      { code: 'INVALID_MESSAGE', data: '{"n":', cause: { name: 'SyntaxError' } },
      { code: 'INVALID_MESSAGE', data: '{"n":"two"}', cause: [{ path: ['n'] }] },
    ]);
  });
});

describe('the types', () => {
  const url = 'ws://server';
  const off = { autoConnect: false } as const;
  const incoming = z.object({ at: z.iso.datetime().transform((text) => new Date(text)) });
  const outgoing = v.object({ say: v.string() });

  test('follow from the schemas, both ways', () => {
    const socket = new LongSocket(url, { codec: json({ incoming, outgoing }), ...off });
    expectTypeOf(socket).toEqualTypeOf<LongSocket<{ at: Date }, { say: string }>>();
    expectTypeOf(socket.send).parameter(0).toEqualTypeOf<{ say: string }>();
    const use = async (): Promise<void> => {
      socket.on('message', (message) => expectTypeOf(message).toEqualTypeOf<{ at: Date }>());
      for await (const message of socket) expectTypeOf(message).toEqualTypeOf<{ at: Date }>();
      // @ts-expect-error: that is not what is sent
      socket.send({ say: 5 });
    };
    expectTypeOf(use).toBeFunction();
  });

  test('of one schema are what it makes, and what it takes', () => {
    expectTypeOf(json({ schema: incoming })).toEqualTypeOf<Codec<{ at: Date }, { at: string }>>();
    expectTypeOf(json({ schema: type({ n: 'number' }) })).toEqualTypeOf<Codec<{ n: number }, { n: number }>>();
    expectTypeOf(json({ incoming })).toEqualTypeOf<Codec<{ at: Date }, unknown>>();
  });

  test('are unknown without a schema, or what is said', () => {
    expectTypeOf(json()).toEqualTypeOf<Codec<unknown, unknown>>();
    expectTypeOf(new LongSocket(url, { codec: json<'in', 'out'>(), ...off })).toEqualTypeOf<LongSocket<'in', 'out'>>();
    expectTypeOf(new LongSocket(url, off)).toEqualTypeOf<LongSocket>();
  });

  test('reach onConnect, accept and the server', () => {
    const use = (): void => {
      new LongSocket(url, {
        codec: json({ incoming, outgoing }),
        onConnect: async (connection) => {
          connection.send({ say: 'hello' });
          expectTypeOf(await connection.receive()).toEqualTypeOf<{ at: Date }>();
        },
      });
      const end = accept(undefined as never, {}, { codec: json({ incoming, outgoing }) });
      expectTypeOf(end).toExtend<Socket<{ at: Date }, { say: string }>>();
      const server = new LongSocketServer({ port: 0, codec: json({ incoming, outgoing }) });
      server.on('connection', (socket) => expectTypeOf(socket.send).parameter(0).toEqualTypeOf<{ say: string }>());
      server.broadcast(server.sockets, { say: 'all' });
    };
    expectTypeOf(use).toBeFunction();
  });
});
