import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { beforeAll, describe, expect, inject, test } from 'vitest';

let app: string;
beforeAll(() => {
  app = inject('app');
});

const strict: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  noEmit: true,
  types: [],
};

const dom = ['lib.es2022.d.ts', 'lib.dom.d.ts'];
const bare = ['lib.es2022.d.ts'];

const resolutions = {
  node16: { module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16 },
  nodenext: { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext },
  bundler: { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler },
} as const;

/** What every consumer can write, whatever its libraries. */
const consumer = `
import { LongSocket, LongSocketError, respond, type LongSocketOptions, type State } from 'longsocket';
import ReconnectingWebSocket, { CloseEvent as ReconnectingCloseEvent, PartySocket, WebSocket as Reconnecting, type Options } from 'longsocket/compat';
import { accept } from 'longsocket/server';
import * as longsocket from 'longsocket/server';
import { useLongSocket, useMessages, useSocketState } from 'longsocket/react';
import { json, requests, type StandardSchema } from 'longsocket/messages';
import { readable, writable } from 'longsocket/streams';
import * as testing from 'longsocket/testing';
import Default, { CloseEvent, WebSocket as DropIn, type WebSocketOptions } from 'longsocket/websocket';

const options: LongSocketOptions = { backoffBase: 100, heartbeat: false, headers: { cookie: 'a=b' } };
const socket = new LongSocket('wss://example.test', options);
const off: () => void = socket.on('message', (data) => {
  const received: string | ArrayBuffer | ArrayBufferView = data;
  return received;
});
socket.on('state', (state: State) => (state.status === 'connecting' ? state.attempt : 0));
const sent: 'sent' | 'queued' | 'dropped' = socket.send('hello');
const error: Error = new LongSocketError('CLOSED', 'over');
function Count(): string {
  const own: LongSocket | undefined = useLongSocket(() => new LongSocket('wss://example.test', options), []);
  const length: number = useMessages(own, (sum, data) => sum + (typeof data === 'string' ? data.length : data.byteLength), 0);
  return useSocketState(own).status + length;
}
const clock = new testing.VirtualClock();
const network = new testing.SimulatedNetwork({ clock });
const simulated = new longsocket.LongSocketServer({ noServer: true, clock, authenticate: ({ url }) => url });
network.serve(simulated.take);
network.serve((connection: longsocket.ServerConnection) => simulated.take(connection));
const inMemory = new LongSocket('ws://anywhere', { session: true, clock, dial: network.dial });
export { accept, Count, error, inMemory, off, respond, sent, testing };

const dropInOptions: WebSocketOptions = { session: true, heartbeat: { interval: 1000 }, maxAttempts: 3 };
const dropIn = new DropIn('wss://example.test', ['a'], dropInOptions);
dropIn.onmessage = ({ data, origin }) => [data, origin];
dropIn.addEventListener('close', ({ code, reason, wasClean }) => [code, reason, wasClean], { once: true });
dropIn.addEventListener('custom', () => {});
dropIn.binaryType = 'arraybuffer';
dropIn.send(new Uint8Array(1));
const states: [0, 1, 2, 3] = [DropIn.CONNECTING, dropIn.OPEN, DropIn.CLOSING, dropIn.CLOSED];
const alike: typeof DropIn = Default;
export { alike, CloseEvent, states };
// @ts-expect-error without a session nothing is dialed again, and there is no such option
new DropIn('wss://example.test', [], { reconnect: true });
const reconnecting: ReconnectingWebSocket = new Reconnecting('wss://example.test', [], { maxRetries: 3 } satisfies Options);
reconnecting.addEventListener('close', (event) => event.code + event.reason.length);
reconnecting.addEventListener('message', { handleEvent: (event) => event.data });
reconnecting.onclose = (event) => event instanceof ReconnectingCloseEvent && event.wasClean;
const party: ReconnectingWebSocket = new PartySocket({ host: 'example.test', room: 'a', query: async () => ({ token: 't' }) });
export { party, reconnecting };
declare const schema: StandardSchema<{ at: string }, { at: Date }>;
const typed = new LongSocket('wss://example.test', { codec: json({ schema }) });
typed.send({ at: 'now' });
typed.on('message', ({ at }): number => at.getTime());
const calls = requests<{ get: string }, { got: number }>(typed);
export const got: Promise<{ got: number }> = calls.request({ get: 'it' }, { timeout: 1000 });
calls.handle(({ get }) => ({ got: get.length }), { reportErrors: true });
const stream: ReadableStream<{ at: Date }> = readable(typed);
const sink: WritableStream<{ at: string }> = writable(typed, { closeSocket: true });
// @ts-expect-error that is not what the schema takes
typed.send({ at: 1 });
export { sink, stream };
// @ts-expect-error a number is no message
socket.send(1);
// @ts-expect-error there is no such event
socket.on('mesage', () => {});
`;

/** With lib.dom: its classes are what the options expect. */
const domConsumer = `${consumer}
new LongSocket(new URL('wss://example.test'), { WebSocket, signal: new AbortController().signal });
void stream.pipeThrough(new TransformStream<{ at: Date }, { at: string }>()).pipeTo(sink);

const standard: WebSocket = new DropIn(new URL('wss://example.test'));
const constructors: Pick<typeof WebSocket, 'CONNECTING' | 'OPEN' | 'CLOSING' | 'CLOSED'> & {
  new (url: string | URL, protocols?: string | string[]): WebSocket;
} = DropIn;
const whole: typeof WebSocket = DropIn;
const target: EventTarget = new DropIn('wss://example.test');
standard.onclose = function (event: CloseEvent) {
  this.send(event.reason);
};
dropIn.onclose = standard.onclose;
dropIn.addEventListener('message', (event: MessageEvent<string>) => event.data.length);
const handler = (event: Event) => event.type;
dropIn.addEventListener('open', handler, { signal: new AbortController().signal });
dropIn.removeEventListener('open', handler);
dropIn.onerror = handler;
dropIn.send(new Blob(['x']));
export { constructors, target, whole };
`;

/** With Node's types and those of ws: their classes are what the server end expects. */
const nodeConsumer = `${consumer}
import type { IncomingMessage } from 'node:http';
import WebSocket, { WebSocketServer } from 'ws';
new LongSocket(new URL('wss://example.test'), { WebSocket, signal: new AbortController().signal });
new WebSocketServer({ port: 0 }).on('connection', (ws: WebSocket, request: IncomingMessage) => {
  const socket = accept(ws, request);
  socket.send('hello');
});
const sessions: WebSocketServer = new longsocket.WebSocketServer({ port: 0, path: '/live' });
sessions.options.handleProtocols = (offered, request) => offered.has('mine') && request.url ? 'mine' : false;
sessions.on('connection', (ws: WebSocket, request: IncomingMessage) => ws.send(request.url ?? ''));
new longsocket.LongSocketServer<string, string, IncomingMessage>({ noServer: true }).on('connection', (socket) => {
  const ws: WebSocket = longsocket.asWebSocket(socket);
  ws.on('close', (code, reason) => code + reason.length);
});
`;

describe('a TypeScript consumer', () => {
  const cases = Object.keys(resolutions).flatMap((resolution) =>
    ['module', 'commonjs'].flatMap((kind) => [
      [resolution, kind, 'without lib.dom', bare] as const,
      [resolution, kind, 'with lib.dom', dom] as const,
    ]),
  );
  test.each(cases)('under %s, as %s, %s, compiles with every library checked', (resolution, kind, _title, lib) => {
    const options = { ...strict, ...resolutions[resolution as keyof typeof resolutions], lib: [...lib] };
    const text = lib === dom ? domConsumer : consumer;
    expect(compile(app, kind === 'module' ? 'consumer.mts' : 'consumer.cts', text, options)).toEqual([]);
  });

  test.each(['module', 'commonjs'])('as %s, with the types of Node and of ws, compiles', (kind) => {
    const options = { ...strict, ...resolutions.node16, lib: bare, types: ['node'] };
    const file = kind === 'module' ? 'consumer.mts' : 'consumer.cts';
    const text =
      kind === 'module'
        ? nodeConsumer
        : nodeConsumer
            .replace('import WebSocket,', 'import { WebSocket,')
            .replace(', { WebSocketServer', ', WebSocketServer');
    expect(compile(inject('typedApp'), file, text, options)).toEqual([]);
  });

  test.each([
    ['the standard library', ['lib.es2022.d.ts', 'lib.esnext.disposable.d.ts'], []],
    ['the types of Node', bare, ['node']],
  ])('with disposables from %s, can say `await using`', (_title, lib, types) => {
    const options = { ...strict, ...resolutions.nodenext, lib, types };
    const text = `${consumer}\nawait using mine = new LongSocket('wss://example.test');\nmine.send('hello');`;
    expect(compile(inject('typedApp'), 'consumer.mts', text, options)).toEqual([]);
  });

  test('under node10, which knows no "exports", compiles', () => {
    const options: ts.CompilerOptions = {
      ...strict,
      module: ts.ModuleKind.CommonJS,
      moduleResolution: ts.ModuleResolutionKind.Node10,
      ignoreDeprecations: '6.0',
      lib: bare,
    };
    expect(compile(app, 'consumer.ts', consumer, options)).toEqual([]);
  });

  test('is told about a mistake', () => {
    const options = { ...strict, ...resolutions.bundler, lib: bare };
    expect(compile(app, 'consumer.mts', `${consumer}\nsocket.sned('hello');`, options)).toEqual([
      expect.stringContaining("Property 'sned' does not exist"),
    ]);
  });
});

describe('the declarations', () => {
  test('import nothing but each other', () => {
    const dist = join(app, 'node_modules/longsocket/dist');
    const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) => /\.d\.[cm]?ts$/.test(name));
    const imported = files.flatMap((name) => {
      const info = ts.preProcessFile(readFileSync(join(dist, name), 'utf8'));
      return [...info.importedFiles, ...info.typeReferenceDirectives].map(({ fileName }) => `${name}: ${fileName}`);
    });
    expect(files.length).toBeGreaterThanOrEqual(6);
    expect(imported.length).toBeGreaterThan(0);
    expect(imported.filter((line) => !/: \.\/[\w.-]+$/.test(line))).toEqual([]);
  });
});

const parsed = new Map<string, ts.SourceFile | undefined>();

/** Compiles one file of the folder; the libraries are parsed once for all. */
function compile(folder: string, name: string, text: string, options: ts.CompilerOptions): string[] {
  const host = ts.createCompilerHost(options, true);
  const path = join(folder, name);
  const read = host.getSourceFile.bind(host);
  host.getCurrentDirectory = () => folder;
  host.fileExists = (file) => file === path || ts.sys.fileExists(file);
  host.readFile = (file) => (file === path ? text : ts.sys.readFile(file));
  host.getSourceFile = (file, version, ...rest) => {
    if (file === path) return ts.createSourceFile(file, text, version, true);
    if (!/[\\/]typescript[\\/]lib[\\/]lib\.[^\\/]*$/.test(file)) return read(file, version, ...rest);
    if (!parsed.has(file)) parsed.set(file, read(file, version, ...rest));
    return parsed.get(file);
  };
  const program = ts.createProgram({ rootNames: [path], options, host });
  return ts.getPreEmitDiagnostics(program).map((diagnostic) => {
    const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n');
    return `${diagnostic.file?.fileName.slice(folder.length + 1) ?? ''}: ${text}`;
  });
}
