/**
 * THE machine of a client with a session: what happens to messages on the worst day. Under the contract at the top of
 * `line.ts`.
 *
 * A line (`line.ts`) dials, loses, rotates and closes connections; the session makes sure that no message notices. Every
 * message has a number by its position (`delivery.ts`), stays retained until the peer's application has had it, and is
 * sent again on the next connection from where the peer says it is. Both ends are the same in this; the server's is
 * `peer.ts`. The frames are in `frames.ts`, the rules in PROTOCOL.md.
 *
 *     a connection opens ── HELLO ──▶ WELCOME ── a new session: both directions begin at 1
 *                       ── RESUME ─▶ WELCOME ── go on: they from `f`, we from `r` + 1
 *                                 └▶ GONE ───── try again (busy, stale, principal), or the session is over: `lost`
 *
 *     rotating: the next connection opens ── RESUME, held ─▶ WELCOME ── TAKE: from now on there, both ways
 *
 * | what goes wrong                                 | what happens                                                        |
 * |-------------------------------------------------|---------------------------------------------------------------------|
 * | the connection ends, by whatever close code     | dial, RESUME; only a FIN, a numbered message, ends a session        |
 * | RESUME or WELCOME is lost                       | the next RESUME has a higher attempt number, and supersedes it      |
 * | the peer dies without a word                    | our messages stay unacked: ask (PING); no answer: abandon, dial     |
 * | the next connection fails before TAKE, or GONE  | the living one was never touched: again, later                      |
 * | the living one fails before TAKE                | the next one steps in where it is; TAKE works without the other     |
 * | the next one fails after TAKE                   | both are closed; RESUME                                             |
 * | the old one still brings messages after TAKE    | accepted if they are next, else dropped, like any duplicate         |
 * | the server has lost the session                 | `lost` says which messages did not arrive, or may not have          |
 * | the same message ends every connection          | `undeliverable`, with its number, after some of them                |
 * | `close()` while there is no connection          | up to `closeTimeout` for getting all through; the rest is counted   |
 * | the server closes while we are away             | its code and reason wait for us (GONE closed)                       |
 */
import { ABNORMAL, GONE, MOVED, NORMAL, ownEnding, PROTOCOL_ERROR } from './close-code.js';
import { Delivery } from './delivery.js';
import {
  type Control,
  type Fin,
  framed,
  type GoAway,
  type Gone,
  isPlain,
  type MALFORMED,
  parse,
  TOKEN,
  VERSION,
  type Welcome,
} from './frames.js';
import { type OnConnection, PART } from './line.js';
import { Link } from './link.js';
import { byteLength } from './outbox.js';
import { type Attempt, type Finishing, type Greeting, idOf, type Phase } from './phase.js';
import { Poison } from './poison.js';
import { RotatingLine } from './rotating-line.js';
import { Ticket } from './ticket.js';
import type { ConnectionId, Data, Ending, LineConfig, Opening, RotationCause, SendVerdict } from './types.js';

/** How much longer than the server promises to be silent at most a client waits before it asks, in ms. */
const SLACK = 5000;

export class Session extends RotatingLine {
  #delivery: Delivery;
  #pulls = true;
  /** The application has ever read, or listened. */
  #reads = false;
  /** Of the session, once there is one. */
  #ticket: Ticket | undefined;
  /** When the greeting under way was sent. */
  #greetedAt = 0;
  /** Where the connection that opens next begins, each way. */
  #start = { cursor: 1, expected: 1 };
  /** Since when there has been no connection. */
  #lostAt: number | undefined;
  /** The next connection continues what there was. */
  #resumed = false;
  #replayed = 0;
  /** The server did not like our credentials, and was told once more. */
  #distrusted = false;
  #poison = new Poison();
  #finishing: Finishing | undefined;
  /** Accepted in the very step that began the end. */
  #refused = 0;

  constructor(config: LineConfig) {
    super(config, true);
    this.#delivery = new Delivery(config);
  }

  override get session(): string | undefined {
    return this.#ticket?.id;
  }

  override get inner(): string {
    return this.#ticket?.inner ?? '';
  }

  override get pending(): number {
    return this.#delivery.pending;
  }

  override get queuedCount(): number {
    return this.#delivery.unsent;
  }

  override get queuedBytes(): number {
    return this.#delivery.outbox.waitingBytes;
  }

  override get flushes(): boolean {
    return this.#delivery.flushes(this.#live);
  }

  override get deadline(): number | undefined {
    let deadline = super.deadline ?? Number.POSITIVE_INFINITY;
    const link = this.#live;
    if (link) {
      const overdueAt = link.heartbeat.asking ? undefined : this.#delivery.overdueAt(link);
      const ackDueAt = link.backedUp ? undefined : this.#delivery.ackDueAt;
      deadline = Math.min(deadline, ackDueAt ?? deadline, overdueAt ?? deadline);
      if (this.phase.name === 'draining') deadline = Math.min(deadline, link.rotateAt);
    }
    if (this.phase.name !== 'closing') deadline = Math.min(deadline, this.#finishing?.deadline ?? deadline);
    return deadline === Number.POSITIVE_INFINITY ? undefined : deadline;
  }

  override verdict(data: Data, waitingBytes: number, waitingCount: number): SendVerdict {
    const { name } = this.phase;
    if (name === 'closed' || name === 'closing' || this.#finishing) return 'closed';
    const { maxPayload = Number.POSITIVE_INFINITY } = this.#ticket ?? {};
    const least = typeof data === 'string' ? data.length : data.byteLength;
    if (least * 3 >= maxPayload && byteLength(framed(data)) > maxPayload) return 'too-big';
    return this.#delivery.verdict(this.#live, data, waitingBytes, waitingCount);
  }

  /** The connection on which the session lives. When it says goodbye, all that is over. */
  get #live(): Link | undefined {
    return this.phase.name === 'closing' ? undefined : this.link;
  }

  // --- the application ---------------------------------------------------------------------------------------------

  protected override begin(now: number): void {
    this.#renew(now);
    this.#lostAt = undefined;
    this.#finishing = undefined;
    this.#refused = 0;
    this.#reads = !this.#pulls;
    super.begin(now);
  }

  /** Forgets the session there was. */
  #renew(now: number): void {
    this.#delivery.clear();
    this.#delivery = new Delivery(this.config);
    this.#delivery.read(0, this.#pulls, now);
    this.#ticket = undefined;
    this.#resumed = this.#distrusted = false;
    this.#poison = new Poison();
  }

  protected override send(data: Data, owned: boolean, now: number): void {
    if (this.#finishing || this.phase.name === 'closing') this.#refused++;
    else if (this.phase.name !== 'closed') {
      this.#delivery.push(data, owned);
      this.pump(now);
    }
  }

  protected override read(number: number, pulls: boolean, now: number): void {
    this.#pulls = pulls;
    this.#reads = true;
    this.#delivery.read(number, pulls, now);
    this.#settle(now);
  }

  /** Our FIN goes out behind all that waits; when it is acked and the peer's has come, the session is over. */
  protected override close(code: number, reason: string, now: number): void {
    const { name } = this.phase;
    if (name === 'closed' || name === 'closing' || this.#finishing) return;
    this.#finish('caller', code, reason, now);
    const { phase } = this;
    // Nobody was ever told of this session, and there is nothing to tell.
    if (this.#ticket === undefined && this.pending === 0) this.#giveUp();
    else if (phase.name === 'waiting' && now >= phase.notBefore) this.dial('retry', now);
  }

  /** A new life begins; an end that is under way is not waited for. */
  protected override connect(reason: 'connect' | 'reconnect', now: number): void {
    if (this.#finishing && this.phase.name !== 'closing') this.#giveUp();
    super.connect(reason, now);
  }

  #finish(cause: Finishing['cause'], code: number, reason: string, now: number): void {
    this.#finishing = { cause, code, reason, deadline: now + this.config.closeTimeout };
    this.#delivery.end(code, reason);
    if (this.#live) this.setState({ status: 'connected', closing: true });
    this.pump(now);
  }

  /** What is retained does not arrive, and no FIN says so: the server waits for its `sessionTtl`. */
  protected override cutOff(code = NORMAL): void {
    // But for the goodbye, which is all that is left then.
    if (this.phase.name !== 'closing') this.#finishing = undefined;
    super.cutOff(code);
  }

  /** Ends without having got everything through. */
  #giveUp(): void {
    const { code, reason } = this.#finishing as Finishing;
    this.abandon(NORMAL, '');
    this.finish(ownEnding(this.link ? 'open' : 'dial', 'caller', code, reason));
  }

  // --- greeting ----------------------------------------------------------------------------------------------------

  protected override opened(attempt: Attempt, { canPing, protocol }: Opened, now: number): void {
    this.greet(attempt, canPing);
    if (protocol !== TOKEN) {
      const answer = protocol ? `chose the subprotocol ${JSON.stringify(protocol)}` : 'chose no subprotocol';
      this.#noSession(attempt, answer, now);
      return;
    }
    this.#greetedAt = now;
    const delivery = this.#delivery;
    const ticket = this.#ticket;
    if (ticket) {
      const c = attempt.takesOver ? delivery.consumed : delivery.report();
      this.control(attempt.id, ticket.resume({ r: delivery.rcvd, c }, attempt.takesOver));
    } else this.control(attempt.id, { letter: 'H', v: VERSION, b: this.config.maxBufferedBytes });
  }

  protected override greeted(attempt: Greeting, data: Data, now: number): void {
    const frame = typeof data === 'string' && !isPlain(data) ? parse(data) : data;
    const letter = typeof frame === 'object' && 'letter' in frame ? frame.letter : '';
    if (letter === 'W') this.#welcomed(attempt, frame as Welcome, now);
    else if (letter === 'X') this.#gone(attempt, frame as Gone, now);
    else if (frame === undefined) return;
    else if (this.#ticket === undefined) this.#noSession(attempt, 'sent something else than WELCOME', now);
    else this.#violated(attempt.id, now);
  }

  #welcomed(attempt: Greeting, welcome: Welcome, now: number): void {
    const { r, c, f } = welcome;
    const delivery = this.#delivery;
    const isNew = this.#ticket === undefined;
    const held = attempt.takesOver && welcome.x === undefined;
    const valid = isNew
      ? welcome.k !== undefined && r === 0 && f === 1
      : welcome.s === this.session && f <= delivery.rcvd + 1;
    const inRange = r <= delivery.outbox.handed && (r >= delivery.acked || attempt.takesOver);
    if (valid && !inRange && !attempt.takesOver) {
      this.#sessionLost(attempt, 'range', undefined, now);
      return;
    }
    // Beside a living connection acks may have overtaken this one; what is wrong there costs only the attempt.
    if (!valid || !inRange || f < 1 || c > r || !delivery.acknowledge(c, r, now)) {
      this.#violated(attempt.id, now);
      return;
    }
    this.#ticket ??= new Ticket(welcome);
    this.#learn(welcome, now);
    const cursor = Math.max(r, delivery.acked) + 1;
    this.#replayed = Math.max(0, delivery.outbox.handed - cursor + 1);
    this.#start = { cursor, expected: held ? delivery.rcvd + 1 : f };
    if (isNew) this.control(attempt.id, { letter: 'A', c: 0 });
    if (held) this.control(attempt.id, { letter: 'T', r: delivery.rcvd, c: delivery.report(), s: cursor });
    this.ready(attempt, now);
    this.#settle(now);
  }

  #learn(welcome: Welcome, now: number): void {
    this.#ticket?.learn(welcome);
    this.#delivery.peerRetains = welcome.b;
    this.#delivery.measured(now - this.#greetedAt);
    this.#distrusted = false;
    this.lifetime?.announced(welcome.m);
    this.#poison.arrived(welcome.r);
  }

  protected override newLink(id: ConnectionId, _canPing: boolean, now: number): Link {
    const { heartbeat } = this.config;
    const [own, timeout] = heartbeat.kind === 'probe' ? [heartbeat.interval, heartbeat.timeout] : [SLACK, SLACK];
    const interval = Math.min(own, (this.#ticket?.maxSilence ?? own) + SLACK, (this.lifetime?.idle ?? own) * 0.8);
    // Questions are frames of the protocol: no platform lacks them.
    const link = new Link(id, { kind: 'probe', interval, timeout: timeout * this.#delivery.leniency }, true, now);
    this.limitAge(link, now);
    this.#delivery.sendOn(link, this.#start.cursor, now);
    link.expected = this.#start.expected;
    return link;
  }

  protected override open(id: ConnectionId, canPing: boolean, now: number, backedUp = false): void {
    super.open(id, canPing, now, backedUp);
    this.#lostAt = undefined;
    this.#resumed = true;
    if (this.#finishing) this.setState({ status: 'connected', closing: true });
  }

  protected override opening(now: number): Opening {
    const gapMs = this.#lostAt === undefined ? 0 : now - this.#lostAt;
    const { reconnected } = super.opening(now);
    return { reconnected, resumed: this.#resumed, replayed: this.#replayed, gapMs };
  }

  // --- refused -----------------------------------------------------------------------------------------------------

  #gone(attempt: Attempt, { why, r, retry, c, m }: Gone, now: number): void {
    const again = why === 'busy' || why === 'stale' || (why === 'principal' && this.#mayAskAgain());
    if (why === 'version') this.#noSession(attempt, `refused version ${VERSION}`, now);
    else if (again || attempt.takesOver || this.#ticket === undefined) {
      const ending = ownEnding('greeting', 'refused', GONE, why);
      this.#fail(attempt, { ...ending, retryAfter: retry }, now);
    } else if (why === 'closed') this.#closedMeanwhile(c ?? NORMAL, m ?? '', r);
    else this.#sessionLost(attempt, why, r, now);
  }

  /** Other credentials may help, once. */
  #mayAskAgain(): boolean {
    const may = this.config.freshCredentials && !this.#distrusted;
    this.#distrusted = true;
    return may;
  }

  /** The server closed while we were away: this is what we missed. */
  #closedMeanwhile(code: number, reason: string, received: number | undefined): void {
    this.abandon(NORMAL, '');
    this.finish({ ...ownEnding('open', 'peer', code, reason), wasClean: true }, received);
  }

  /** The session is over, and its messages are the application's again: exactly once, and never resent silently. */
  #sessionLost(attempt: Attempt, reason: string, received: number | undefined, now: number): void {
    const messages = this.#delivery.undelivered(received);
    const known = received !== undefined;
    const [undelivered, unknown] = known ? [messages.length, 0] : [0, messages.length];
    const { phase } = this;
    if (phase.name === 'rotating') {
      // The one that was to take over asks for what there is no more.
      this.leaveOther();
      this.phase = { name: 'connected', link: phase.link };
    }
    this.emit({ event: 'lost', detail: { reason, undelivered, unknown, messages } });
    this.#renew(now);
    // The server has answered: it is there.
    this.attempts = 0;
    this.#fail(attempt, ownEnding('greeting', 'session-lost', GONE, reason), now);
  }

  #noSession(attempt: Attempt, what: string, now: number): void {
    const text = `the server ${what}: it does not speak ${TOKEN} (use LongSocketServer there, or no \`session\` here)`;
    this.#fail(attempt, ownEnding('greeting', 'no-session', ABNORMAL, '', new Error(text)), now);
  }

  #violated(id: ConnectionId, now: number): void {
    this.#fail({ id }, ownEnding(this.link ? 'open' : 'greeting', 'protocol', PROTOCOL_ERROR), now);
  }

  /** A connection will not do. Beside a living one, only the rotation has failed. */
  #fail({ id }: Pick<Attempt, 'id'>, ending: Ending, now: number): void {
    const { code } = ending;
    this.terminate(id, code === ABNORMAL ? NORMAL : code, '');
    if (id === idOf(this.phase)) this.lost(ending, now);
    else if (this.phase.name === 'rotating') this.handoverFailed(now, ending.retryAfter);
    else if (this.phase.name === 'draining') this.phase = { name: 'connected', link: this.phase.link };
  }

  protected override nextDelay(ending: Ending, hurried: boolean): number | undefined {
    const { cause, code } = ending;
    if (cause === 'no-session' || cause === 'undeliverable') return undefined;
    if (cause === 'session-lost' && (this.config.onLost === 'close' || this.#finishing)) return undefined;
    // Held resumes are refused for reasons of their own: an ordinary one follows at once.
    const held = cause === 'refused' && 'takesOver' in this.phase && this.phase.takesOver;
    // Proxies send any close code: of those that mean the end without a session, none does.
    const lenient = [1002, 1003, 1007, 1010].includes(code) ? { ...ending, code: ABNORMAL } : ending;
    return super.nextDelay(lenient, hurried || held);
  }

  // --- frames ------------------------------------------------------------------------------------------------------

  protected override received(link: Link, data: Data, now: number): void {
    link.heartbeat.heard(now);
    if (this.phase.name !== 'closing') this.#receive(link, data, now);
  }

  protected override onConnection(input: OnConnection, now: number): void {
    super.onConnection(input, now);
    // Acks that had to wait for that.
    if (input.type === 'connection-writable') this.#settle(now);
  }

  /** What the old connection still brings. It is over: only messages count, and nothing is answered. */
  protected override receivedOld({ old }: Draining, data: Data, now: number): void {
    const letter = typeof data === 'string' && !isPlain(data) ? data.charAt(1) : 'F';
    if (letter === 'F' || letter === '\u0010') this.#receive(old, data, now);
  }

  #receive(link: Link, data: Data, now: number): void {
    const { acked } = this.#delivery;
    const frame = this.#delivery.receive(link, data, now);
    if (this.#delivery.acked > acked) this.attempts = 0;
    if (typeof frame === 'object' && 'letter' in frame) this.#heard(link, frame, now);
    else if (frame !== undefined) this.deliver(frame, this.#delivery.rcvd);
    this.#settle(now);
  }

  #heard(link: Link, frame: Control | typeof MALFORMED, now: number): void {
    switch (frame.letter) {
      case 'P':
        this.answer(link, frame.id, this.#delivery);
        break;
      case 'F':
        this.#peerEnded(frame, now);
        break;
      case 'G':
        this.#goAway(link, frame, now);
        break;
      case 'X':
        this.#gone({ id: link.id, since: now, deadline: now, extended: false, takesOver: false }, frame, now);
        break;
      default:
        this.#violated(link.id, now);
    }
  }

  #goAway(link: Link, { d, w }: GoAway, now: number): void {
    const at = now + this.config.random() * Math.min(w, d);
    if (at >= link.rotateAt) return;
    link.rotateAt = at;
    link.rotateFor = 'goaway';
  }

  /** All that the peer will ever send is here. Ours follows, and then the end. */
  #peerEnded({ c, m }: Fin, now: number): void {
    if (!this.#finishing) this.#finish('peer', c, m, now);
  }

  /** After every step: acks that are due, and the end that is reached. Acks follow the messages they speak of. */
  #settle(now: number): void {
    const link = this.#live;
    if (!link) return;
    const due = this.#delivery.ackDueAt;
    if (due !== undefined && due <= now && !link.backedUp)
      this.control(link.id, { letter: 'A', c: this.#delivery.report() });
    if (this.#complete) this.#sayGoodbye(link);
  }

  /** Both FINs have arrived, and both ends know. */
  get #complete(): boolean {
    const delivery = this.#delivery;
    if (!delivery.endAcked || delivery.peerFin === undefined) return false;
    // Who closes without ever having read does not keep the peer waiting for it: what came counts as unconfirmed there.
    const unread = !this.#reads && this.#finishing?.cause === 'caller';
    return delivery.consumed === delivery.rcvd || unread;
  }

  #sayGoodbye(link: Link): void {
    const { deadline } = this.#finishing as Finishing;
    this.leaveOther();
    const goodbye: Goodbye = { name: 'closing', link, deadline, code: NORMAL, reason: '', hungUp: false };
    this.phase = goodbye;
    this.hangUp(goodbye);
  }

  protected override pump(now: number): void {
    const link = this.#live;
    if (!link || link.backedUp) return;
    if (link.owed !== undefined) this.answer(link, link.owed, this.#delivery);
    for (let room = PART; room > 0; ) {
      const data = this.#delivery.transmit(link, now);
      if (data === undefined) break;
      room -= typeof data === 'string' ? data.length : data.byteLength;
      this.write(link, data, now);
    }
  }

  /** After TAKE nothing is written on the old connection, not even a goodbye: the server closes it. */
  protected override leave(): void {}

  protected override ask(link: Link, now: number): void {
    this.control(link.id, { letter: 'P', id: link.ask(now), c: this.#delivery.report() });
    link.heartbeat.wrote(now);
  }

  // --- time, and the end -------------------------------------------------------------------------------------------

  protected override timeout(overslept: boolean, now: number): void {
    const finishing = this.phase.name === 'closing' ? undefined : this.#finishing;
    if (finishing && now >= finishing.deadline) {
      this.#giveUp();
      return;
    }
    if (this.phase.name === 'draining' && now >= this.phase.link.rotateAt) this.rotate(this.phase.link.rotateFor, now);
    super.timeout(overslept, now);
    const link = this.#live;
    if (!link) return;
    const overdueAt = this.#delivery.overdueAt(link);
    if (!link.heartbeat.asking && overdueAt !== undefined && overdueAt <= now) {
      link.heartbeat.ask(now, this.#delivery.patience);
      this.ask(link, now);
    }
    this.#settle(now);
  }

  protected override lost(ending: Ending, now: number): void {
    if (this.phase.name === 'rotating' && ending.cause === 'peer' && ending.code === MOVED) {
      // The session has moved to the next connection, whose word of it is still on its way. Until then what is written is
      // retained all the same.
      this.phase.link.moved = ending;
      return;
    }
    if (ending.cause === 'dead-peer') this.#delivery.foundDead();
    const byOthers = ending.cause === 'lost' || ending.cause === 'peer';
    const isUngreeted = ending.cause === 'timeout' && ending.phase === 'greeting' && this.#ticket === undefined;
    const poison = this.link && byOthers ? this.#poisoned(this.link, ending) : undefined;
    super.lost(poison ?? (isUngreeted ? { ...ending, error: new Error(UNGREETED) } : ending), now);
  }

  /** What the old connection still brings comes on this one as well: another rotation need not wait for its end. */
  protected override rotate(cause: RotationCause, now: number): void {
    const { phase } = this;
    if (phase.name === 'draining') {
      this.leaveOther();
      this.phase = { name: 'connected', link: phase.link };
    }
    super.rotate(cause, now);
  }

  /** The next connection was the only one left. */
  protected override handoverFailed(now: number, retryAfter?: number): void {
    const moved = this.link?.moved;
    super.handoverFailed(now, retryAfter);
    if (moved) this.lost(moved, now);
  }

  #poisoned(link: Link, ending: Ending): Ending | undefined {
    const number = this.#delivery.acked + 1;
    const problem = link.cursor > number ? this.#poison.suspect(number, ending) : undefined;
    const { phase, code, reason } = ending;
    return problem === undefined ? undefined : ownEnding(phase, 'undeliverable', code, reason, new Error(problem));
  }

  /** Nothing is lost that is retained. */
  protected override interrupted(_link: Link, ending: Ending, now: number): void {
    this.#lostAt ??= now;
    this.emit({ event: 'interrupted', detail: { ...ending, unconfirmed: 0 } });
  }

  /** The end of a life. `received`: what the server is known to have. */
  protected override finish(ending: Ending, received?: number): void {
    const delivery = this.#delivery;
    const finishing = this.#finishing;
    let final = ending;
    if (finishing && ending.cause !== 'peer') {
      const { cause, code, reason } = finishing;
      final = { ...ending, cause, code, reason, wasClean: this.#complete, error: undefined };
    }
    const lost = delivery.undelivered(received).length;
    const unsent = received === undefined ? delivery.unsent : lost;
    delivery.clear();
    this.#ticket = undefined;
    this.#finishing = undefined;
    this.end(final, unsent + this.#refused, lost - unsent);
  }
}

type Draining = Extract<Phase, { name: 'draining' }>;
type Goodbye = Extract<Phase, { name: 'closing' }>;
/** Many servers choose the first subprotocol they are offered, whatever it is. */
const UNGREETED = `the server chose ${TOKEN}, but sent no WELCOME: is it a LongSocketServer?`;

type Opened = { readonly canPing: boolean; readonly protocol?: string | undefined };
