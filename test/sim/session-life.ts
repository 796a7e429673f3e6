import { expect } from 'vitest';
import type { CloseDetail } from '../../src/core/types.js';
import type { FaultyLink, Notice } from './faulty-network.js';
import type { ServerNode, SessionWorld } from './session-world.js';

const notices: readonly Notice[] = ['now', 'late', 'never'];

type Fault = (world: SessionWorld, link: FaultyLink | undefined) => void;

const node = (world: SessionWorld): ServerNode => world.pick(...world.nodes);

/** All that can happen to the two, and what they may do themselves. */
const FAULTS: Readonly<Record<string, Fault>> = {
  cut: (world, link) => link?.cut(world.pick(...notices), world.pick(...notices)),
  'half-open': (_, link) => link?.cut('never', 'never'),
  'one way dead': (world, link) => (world.pick('up', 'down') === 'up' ? link?.up : link?.down)?.dies(),
  stall: (world, link) => {
    const ms = world.between(100, 12_000);
    link?.up.stall(ms);
    link?.down.stall(ms);
  },
  'closed by a proxy': (world, link) => {
    const code = world.pick(1000, 1001, 1006, 1011, 1012, 4000);
    link?.endClient({ code, reason: '', wasClean: code !== 1006 });
    link?.endServer({ code, reason: '', wasClean: code !== 1006 });
    link?.up.dies();
    link?.down.dies();
  },
  refuse: (world) => {
    world.network.weather.fate = 'refuse';
  },
  hang: (world) => {
    world.network.weather.fate = 'hang';
  },
  mute: (world) => {
    world.network.weather.fate = 'mute';
  },
  accept: (world) => {
    world.network.weather.fate = 'accept';
  },
  'age limit': (world) => {
    world.network.weather.maxAge = world.pick(undefined, undefined, 20_000, 5000, 900);
  },
  'narrow pipe': (world) => {
    world.network.weather.window = world.pick(Number.POSITIVE_INFINITY, 4000, 200);
  },
  latency: (world) => {
    world.network.weather.latency = world.pick([5, 60] as const, [1, 400] as const, [30, 30] as const);
  },
  rotate: (world) => world.client.isStopped || world.socket.rotate(),
  'rotate, then cut': (world, link) => {
    if (!world.client.isStopped) world.socket.rotate();
    world.clock.schedule(() => link?.cut(world.pick(...notices), world.pick(...notices)), world.between(0, 300));
  },
  'cut the next one': (world) => {
    if (!world.client.isStopped) world.socket.rotate();
    world.clock.schedule(
      () => {
        [...world.network.links].at(-1)?.cut(world.pick(...notices), world.pick(...notices));
      },
      world.between(0, 300),
    );
  },
  reconnect: (world) => {
    // Behind a close it would begin another life.
    if (!world.client.isStopped && !world.closing) world.socket.reconnect();
  },
  signal: (world) => world.client.isStopped || world.signal(world.pick('online', 'offline', 'wake', 'freeze', 'wake')),
  'client stopped': (world) => {
    world.client.stop();
    world.clock.schedule(() => world.client.goOn(), world.between(100, 30_000));
  },
  'server stopped': (world) => {
    const { process } = node(world);
    process.stop();
    world.clock.schedule(() => process.goOn(), world.between(100, 30_000));
  },
  'other server': (world) => {
    world.network.host = node(world);
  },
  'go away': (world) => {
    const { host, process } = node(world);
    const within = world.between(500, 10_000);
    if (process.isStopped) return;
    for (const socket of host.sockets.values()) {
      socket.instruct({ type: 'go-away', deadline: within, window: within / 2, why: 'deploy' });
    }
  },
};

/** Rarely, since they end something. */
const ENDS: Readonly<Record<string, Fault>> = {
  'server crash': (world) => {
    const crashed = node(world);
    for (const link of world.network.links) link.cut(world.pick(...notices), 'never');
    crashed.process.goOn();
    crashed.start();
  },
  evict: (world) => {
    const { host, process } = node(world);
    if (process.isStopped) return;
    for (const socket of [...host.sockets.values()]) socket.instruct({ type: 'evict', why: 'evicted' });
  },
  'server closes': (world) => {
    const { host, process } = node(world);
    if (process.isStopped) return;
    world.closing = true;
    for (const socket of [...host.sockets.values()]) socket.close(4001, 'enough');
  },
  'client closes': (world) => {
    if (world.client.isStopped) return;
    world.closing = true;
    world.socket.close(4000, 'bye');
  },
  'both close': (world) => {
    ENDS['client closes']?.(world, undefined);
    ENDS['server closes']?.(world, undefined);
  },
};

/** Traffic both ways, and one fault after the other. */
export async function live(world: SessionWorld, duration = 90_000): Promise<void> {
  const { clock, network, random } = world;
  const end = clock.now() + duration;
  // Half of the worlds are left alone by what ends sessions.
  const mortal = random() < 0.5;
  const pace = world.pick(20, 200, 800);
  while (clock.now() < end) {
    for (let burst = world.between(1, 12); burst > 0; burst--) {
      if (random() < 0.7) world.send();
      if (random() < 0.7) world.answer();
      await world.pass(world.between(0, pace));
    }
    world.checkMeanwhile();
    const links = [...network.links].filter((link) => link.open);
    const faults = mortal && random() < 0.04 ? ENDS : FAULTS;
    world.pick(...Object.values(faults))(world, world.pick(undefined, ...links));
    // Troubles with dials come in two ways: for a while, or until the next fault.
    if (random() < 0.7)
      clock.schedule(
        () => {
          network.weather.fate = 'accept';
        },
        world.between(0, 8000),
      );
    await world.pass(world.between(0, 2500));
  }
}

/** The faults cease, and all that is under way arrives: then it is seen who has what, and that nothing is left over. */
export async function rest(world: SessionWorld): Promise<void> {
  const { clock, network, client, nodes, socket } = world;
  Object.assign(network.weather, {
    fate: 'accept',
    latency: [5, 60],
    maxAge: undefined,
    window: Number.POSITIVE_INFINITY,
  });
  world.pause = 10;
  client.goOn();
  for (const { process } of nodes) process.goOn();
  await world.pass(1000);
  world.signal('wake');
  // Backoff, dead peers, slow readers: all of them.
  await world.pass(200_000);
  world.check(() => {
    if (socket.state.status !== 'closed') {
      expect(socket.state.status, 'the state in the end').toBe('connected');
      expect(socket.pending, 'pending in the end').toBe(0);
    }
  });
  world.check(() => {
    for (const { host, ledger } of nodes) {
      const pending = [...host.sockets.values()].some((session) => session.pending > 0);
      if (!pending) expect(ledger.bytes, 'bytes retained though nothing is pending').toBe(0);
    }
  });
  if (socket.state.status !== 'closed') {
    socket.send('last');
    world.epoch.sent.push('last');
    socket.close(1000, 'done');
  }
  await world.pass(30_000);
  world.check(() => {
    expect(socket.state.status, 'the state after close').toBe('closed');
    const closes = world.events.filter(({ event }) => event === 'close');
    expect(closes.length, 'close events').toBe(1);
    const end = closes[0]?.detail as CloseDetail;
    const dirty = world.events.some(({ event }) => event === 'failed');
    if (!dirty && end.reason === 'done')
      expect(end, 'the end').toMatchObject({ wasClean: true, undelivered: 0, unconfirmed: 0 });
    expect(client.timers, 'timers left').toBe(0);
    expect([...network.links].filter(({ held }) => held).length, 'connections left').toBe(0);
  });
  // Sessions that nobody comes back to, and tombstones.
  await world.pass(800_000);
  world.checkAll();
  world.check(() => {
    for (const { host, process, ledger } of nodes) {
      expect(host.registry.sessions, 'sessions left at a server').toBe(0);
      expect(host.registry.tombs, 'tombstones left').toBe(0);
      expect(ledger.bytes, 'bytes left at a server').toBe(0);
      expect(process.timers, 'timers left at a server').toBe(0);
    }
    void clock;
  });
}
