/** The chat's page: its people side by side, each with a socket of their own, through the network that the buttons break. */
import { LongSocket } from 'longsocket';
import { useLongSocket, useMessages, useSocketState } from 'longsocket/react';
import { type FormEvent, StrictMode, useCallback, useEffect, useRef, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { Faults } from './faults.js';
import { lookOf } from './history.js';
import { byId } from './page.js';
import type { Line, PersonStatus, ToRoom } from './room.js';
import { sessionOptions } from './settings.js';
import { missing, nothingYet, read } from './transcript.js';
import { because, seconds } from './words.js';

/** Of everybody on this page, for the buttons. */
const sockets = new Set<LongSocket>();

const small = ['Hello!', 'Is it raining?', 'Not here.', 'Did you get this?', 'Every word.', 'And now?', 'Still here.'];

/** How often somebody who types says so, in ms. */
const typingInterval = 1500;

function Chat({ url }: { url: string }) {
  const [people, setPeople] = useState([1, 2]);
  const [talks, setTalks] = useState(false);
  const next = Math.max(0, ...people) + 1;
  return (
    <>
      <div className="toolbar">
        <button type="button" id="talk" aria-pressed={talks} onClick={() => setTalks(!talks)}>
          Let them talk
        </button>
        <button type="button" id="join" disabled={people.length >= 4} onClick={() => setPeople([...people, next])}>
          One more joins
        </button>
      </div>
      <div className="people">
        {people.map((id) => (
          <Person
            key={id}
            url={`${url}chat`}
            talks={talks}
            onLeave={() => setPeople(people.filter((other) => other !== id))}
          />
        ))}
      </div>
    </>
  );
}

interface PersonProps {
  readonly url: string;
  /** Says something every now and then. */
  readonly talks: boolean;
  readonly onLeave: () => void;
}

function Person({ url, talks, onLeave }: PersonProps) {
  const socket = useLongSocket(() => new LongSocket(url, sessionOptions), [url]);
  const heard = useMessages(socket, read, nothingYet);
  const [said, say] = useSay(socket);
  useRegistered(socket);

  useEffect(() => {
    if (!talks) return;
    const timer = setInterval(() => say(small[Math.floor(Math.random() * small.length)] ?? ''), 900);
    return () => clearInterval(timer);
  }, [talks, say]);

  const { you, people, lines } = heard;
  const others = people.filter(({ name }) => name !== you);
  const waiting = said.filter(({ id }) => !lines.some((line) => line.from === you && line.id === id));
  return (
    <article className="person" aria-label={you || 'Somebody new'} data-missing={missing(heard)}>
      <header>
        <h3>{you || '…'}</h3>
        <button type="button" className="small" onClick={onLeave}>
          Leave
        </button>
        <Status socket={socket} />
      </header>
      <Others others={others} />
      <Lines you={you} lines={lines} waiting={waiting} />
      <p className="typing">{typists(others)}</p>
      <Entry you={you} say={say} socket={socket} />
      <p className="note proof">
        {lines.length === 1 ? '1 line' : `${lines.length} lines`}, <b className="missing">{missing(heard)} missing</b>,{' '}
        {heard.astray} twice or out of order.
      </p>
    </article>
  );
}

/** So that the page's buttons reach it. */
function useRegistered(socket: LongSocket | undefined): void {
  useEffect(() => {
    if (!socket) return;
    sockets.add(socket);
    const off = socket.on('state', () => void faults.refresh());
    return () => {
      off();
      sockets.delete(socket);
    };
  }, [socket]);
}

/** What was said here, and how to say more. A session takes it, whether or not there is a connection. */
function useSay(socket: LongSocket | undefined): [said: readonly Saying[], say: (text: string) => void] {
  const [said, setSaid] = useState<readonly Saying[]>([]);
  const say = useCallback(
    (text: string) => {
      if (!socket || socket.state.status === 'closed') return;
      const id = Math.random().toString(36).slice(2);
      const message: ToRoom = { type: 'say', text, id };
      socket.send(JSON.stringify(message));
      setSaid((before) => [...before.slice(-100), { id, text }]);
    },
    [socket],
  );
  return [said, say];
}

type Saying = Pick<Line, 'id' | 'text'>;

function Status({ socket }: { socket: LongSocket | undefined }) {
  const state = useSocketState(socket);
  const cause = state.cause ? `, because ${because(state.cause)}` : '';
  const wait = state.status === 'connecting' && state.delay > 0 ? ` in ${seconds(state.delay)}` : '';
  const words = { connecting: `Connecting${wait}${cause}`, connected: 'Connected', closed: `Closed${cause}` };
  return (
    <p className="person-state" data-look={lookOf(state)}>
      <span className="dot" aria-hidden="true" />
      <span>{words[state.status]}</span>
    </p>
  );
}

function Others({ others }: { others: readonly PersonStatus[] }) {
  return (
    <ul className="others" aria-label="Others in the room">
      {others.map(({ name, here }) => (
        <li key={name} data-here={here}>
          {name}
          {here ? '' : ', away'}
        </li>
      ))}
      {others.length === 0 && <li data-here={false}>Nobody else</li>}
    </ul>
  );
}

function Lines({ you, lines, waiting }: { you: string; lines: readonly Line[]; waiting: readonly Saying[] }) {
  const box = useRef<HTMLDivElement>(null);
  const newest = lines.length + waiting.length;
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever there is another line
  useEffect(() => {
    box.current?.scrollTo(0, box.current.scrollHeight);
  }, [newest]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be within reach of the keyboard
    <div className="lines" role="log" ref={box} tabIndex={0} aria-label={`What ${you || 'somebody new'} sees`}>
      <ol>
        {lines.slice(-200).map(({ n, from, text }) => (
          <li key={n} data-own={from === you}>
            <b>{from}</b> {text}
          </li>
        ))}
        {waiting.map(({ id, text }) => (
          <li key={id} data-own data-waiting>
            <b>{you}</b> {text} <i>on its way</i>
          </li>
        ))}
      </ol>
    </div>
  );
}

function typists(others: readonly PersonStatus[]): string {
  const names = others.filter(({ typing }) => typing).map(({ name }) => name);
  if (names.length === 0) return '';
  return `${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'} typing…`;
}

interface EntryProps {
  readonly you: string;
  readonly say: (text: string) => void;
  readonly socket: LongSocket | undefined;
}

function Entry({ you, say, socket }: EntryProps) {
  const [text, setText] = useState('');
  const told = useRef(Number.NEGATIVE_INFINITY);
  const type = (entered: string): void => {
    setText(entered);
    // Of no use to anybody later, so not while nobody could hear it.
    if (socket?.state.status !== 'connected' || performance.now() - told.current < typingInterval) return;
    told.current = performance.now();
    const message: ToRoom = { type: 'typing' };
    socket.send(JSON.stringify(message));
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (text.trim() === '') return;
    say(text);
    setText('');
    told.current = Number.NEGATIVE_INFINITY;
  };
  return (
    <form onSubmit={submit}>
      <input
        aria-label={`What ${you || 'somebody new'} says`}
        value={text}
        maxLength={500}
        autoComplete="off"
        onChange={({ target }) => type(target.value)}
      />
      <button type="submit">Send</button>
    </form>
  );
}

const faults = new Faults({
  list: byId('faults'),
  planned: byId('planned'),
  visitor: 'chat',
  onFault: (name) => {
    if (name === 'rotate') for (const socket of sockets) socket.rotate();
  },
  onStatus: () => {
    byId('note').textContent = '';
  },
  believes: (lane) => lane === 'session' && [...sockets].some(({ state }) => state.status === 'connected'),
  onError: (error) => {
    byId('note').textContent = `The playground’s own server does not answer: ${error}`;
  },
});

const status = await faults.refresh();
if (status) {
  createRoot(byId('chat')).render(
    <StrictMode>
      <Chat url={status.lanes.session.url} />
    </StrictMode>,
  );
}
// So that the room need not wait for a page that is gone.
window.addEventListener('pagehide', () => {
  for (const socket of sockets) socket.close();
});
window.addEventListener('pageshow', ({ persisted }) => persisted && location.reload());
