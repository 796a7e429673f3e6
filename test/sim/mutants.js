const attachment = 'src/core/attachment.ts';
const delivery = 'src/core/delivery.ts';
const driver = 'src/io/driver.ts';
const frames = 'src/core/frames.ts';
const line = 'src/core/line.ts';
const lifetime = 'src/core/lifetime.ts';
const machine = 'src/core/machine.ts';
const outbox = 'src/core/outbox.ts';
const peer = 'src/core/peer.ts';
const registry = 'src/core/registry.ts';
const session = 'src/core/session.ts';
const inbox = 'src/socket/inbox.ts';

/**
 * What may be wrong with a session, one mistake each: the rules of PROTOCOL.md left out one by one, then the slips that a
 * tired programmer makes. An edit replaces text that stands in its file exactly once.
 * @type {readonly { readonly name: string, readonly edits: readonly (readonly [file: string, find: string, replace: string])[] }[]}
 */
export const MUTANTS = [
  // --- rules left out
  {
    name: 'one counter per session instead of per connection',
    edits: [[delivery, 'const number = link.expected++;', 'const number = this.rcvd + 1;']],
  },
  {
    name: 'GONE on a held resume ends the session',
    edits: [
      [
        session,
        'else if (again || attempt.takesOver || this.#ticket === undefined) {',
        'else if (again || this.#ticket === undefined) {',
      ],
    ],
  },
  {
    name: 'a held connection that ends takes the session with it',
    edits: [
      [
        attachment,
        "if (input.type === 'connection-close') this.held = undefined;",
        "if (input.type === 'connection-close') { this.held = undefined; if (this.link) this.detach({ phase: 'open', cause: 'lost', code: 1006, reason: '', wasClean: false }, now); }",
      ],
    ],
  },
  {
    name: 'questions and answers carry no ack, and receipt counts as consumption',
    edits: [
      [
        delivery,
        'const consumed = this.consumed - this.#reported;\n    if',
        'const consumed = this.rcvd - this.#reported;\n    if',
      ],
      [machine, "{ letter: 'O', id, c: delivery.report() }", "{ letter: 'O', id, c: 0 }"],
    ],
  },
  { name: 'TAKE without a start number', edits: [[attachment, 'link.expected = s;', 'link.expected = rcvd + 1;']] },
  {
    name: 'a held resume is refused when it is behind the acks',
    edits: [[attachment, '(h === undefined && r < delivery.acked)', 'r < delivery.acked']],
  },
  {
    name: 'the client answers on the old connection after TAKE',
    edits: [
      [
        session,
        "if (letter === 'F' || letter === '\\u0010') this.#receive(old, data, now);",
        'if (letter) this.#receive(old, data, now);',
      ],
    ],
  },
  {
    name: 'the server switches at RESUME and leaves the old connection open',
    edits: [
      [attachment, 'const holds = h === 1 && !this.#moved;', 'const holds = false;'],
      [attachment, "if (phase.name === 'attached') this.terminate(phase.link.id, MOVED);", ''],
    ],
  },
  { name: 'no attempt number', edits: [[attachment, 'if (n <= this.#resumes) {', 'if (n < 0) {']] },
  {
    name: 'dropped duplicates are not acked',
    edits: [[delivery, 'if (this.#repeatDueAt === undefined) {', 'if (false) {']],
  },
  {
    name: 'effects are performed while others are',
    edits: [
      [
        driver,
        'if (this.#busy) {\n      this.#queue.push(input);',
        'if (this.#busy && input.type !== "send") {\n      this.#queue.push(input);',
      ],
    ],
  },
  {
    name: 'rotation begins too late for a second dial',
    edits: [
      [
        lifetime,
        'return Math.min((0.8 + 0.12 * random()) * limit, limit - reserve);',
        'return limit - 20 + 0 * reserve * random();',
      ],
    ],
  },
  // --- slips
  {
    name: 'trim lets go of one too many',
    edits: [[delivery, 'this.#outbox.release(number);', 'this.#outbox.release(Math.min(number + 1, this.last));']],
  },
  {
    name: 'an ack may go back',
    edits: [
      [
        delivery,
        'if (number > this.acked) {\n      this.#deaths = 0;\n      this.#outbox.release(number);',
        'if (number !== this.acked) {\n      this.#outbox.startAfter(number);',
      ],
    ],
  },
  {
    name: 'the cursor is not set back on a resume',
    edits: [
      [
        session,
        'const cursor = Math.max(r, delivery.acked) + 1;',
        'const cursor = Math.max(r, delivery.outbox.handed) + 1;',
      ],
    ],
  },
  {
    name: 'the cursor is set back too far',
    edits: [[attachment, 'delivery.sendOn(link, first, now);', 'delivery.sendOn(link, delivery.acked + 1, now);']],
  },
  {
    name: 'what acks overtake is skipped',
    edits: [
      [
        delivery,
        "return number > this.acked ? this.#outbox.at(number) : '';",
        'link.cursor = Math.max(link.cursor, this.acked + 2); return this.#outbox.at(link.cursor - 1);',
      ],
    ],
  },
  {
    name: 'a message counts as received after it was dispatched',
    edits: [[delivery, 'this.rcvd = number;\n', 'Promise.resolve().then(() => { this.rcvd = number; });\n']],
  },
  {
    name: 'the first number of WELCOME is ignored',
    edits: [[session, 'expected: held ? delivery.rcvd + 1 : f }', 'expected: delivery.rcvd + 1 }']],
  },
  {
    name: 'frames of any connection count',
    edits: [
      [
        line,
        'if (input.id === idOf(this.phase)) this.onConnection(input, now);',
        'if (input.id !== undefined) this.onConnection(input, now);',
      ],
    ],
  },
  {
    name: 'a session expires by its age',
    edits: [
      [
        attachment,
        'expiresAt: now + (this.confirmed ? this.config.ttl : ORPHAN_TTL) };',
        'expiresAt: (this.confirmed ? this.config.ttl : ORPHAN_TTL) };',
      ],
    ],
  },
  {
    name: 'what nobody has read is acked',
    edits: [[inbox, 'Math.max(this.#told.number, this.#last - held - behind)', 'this.#last']],
  },
  {
    name: 'a session that moves leaves unread messages behind',
    edits: [
      [
        delivery,
        'delivery.rcvd = delivery.consumed = delivery.#reported = consumed;',
        'delivery.rcvd = delivery.consumed = delivery.#reported = consumed + 1;',
      ],
    ],
  },
  {
    name: 'a session that moves forgets what it was sending',
    edits: [[delivery, 'for (let number = acked + 1; number <= handed; number++) outbox.at(number);', '']],
  },
  { name: 'a claim of the past is granted', edits: [[registry, 'attempt > entry.peer.resumes', 'attempt > 0']] },
  {
    name: 'a leading DLE is not doubled',
    edits: [
      [
        frames,
        "return typeof data === 'string' && data.charCodeAt(0) === DLE_CODE ? DLE + data : data;",
        'return data;',
      ],
    ],
  },
  {
    name: 'FIN overtakes what waits',
    edits: [
      [
        session,
        'this.#delivery.end(code, reason);',
        'if (this.#live) this.control(this.#live.id, { letter: "F", c: code, m: reason }); this.#delivery.end(code, reason);',
      ],
    ],
  },
  { name: 'FIN is not answered', edits: [[session, "if (!this.#finishing) this.#finish('peer', c, m, now);", '']] },
  {
    name: 'the end is reached before our FIN has arrived',
    edits: [
      [
        session,
        'if (!delivery.endAcked || delivery.peerFin === undefined) return false;',
        'if (delivery.peerFin === undefined) return false;',
      ],
    ],
  },
  {
    name: 'the report of a loss is one short',
    edits: [
      [
        session,
        'const messages = this.#delivery.undelivered(received);',
        'const messages = this.#delivery.undelivered(received).slice(1);',
      ],
    ],
  },
  {
    name: 'a loss is resent silently',
    edits: [
      [
        session,
        '    this.#renew(now);\n    // The server',
        '    this.#renew(now);\n    for (const message of messages) this.#delivery.push(message, true);\n    // The server',
      ],
    ],
  },
  {
    name: 'the next connection is dropped with the old one',
    edits: [
      [
        'src/core/rotating-line.ts',
        'if (goesOn) this.#stepIn(phase, ending, now);',
        'if (goesOn && now < 0) this.#stepIn(phase, ending, now);',
      ],
    ],
  },
  {
    name: 'a connection that is backed up gets more',
    edits: [[session, 'if (!link || link.backedUp) return;', 'if (!link) return;']],
  },
  {
    name: 'dead connections are not found',
    edits: [
      [
        'src/core/heartbeat.ts',
        "if (this.#probeUntil !== undefined) return 'half-open';",
        'if (this.#probeUntil !== undefined) this.#heard = now;',
      ],
    ],
  },
  {
    name: 'late timers judge',
    edits: [
      [
        peer,
        'const late = overslept || now > deadline + LATE;',
        'const late = false && overslept && now > deadline + LATE;',
      ],
    ],
  },
  { name: 'bytes let go of are still counted', edits: [[outbox, 'this.#count(-bytes);\n    // Cut', '// Cut']] },
];
