import { createHash } from 'node:crypto';
import { pino } from 'pino';
import type { Clock } from '../../src/clock.ts';
import type { Processes } from '../../src/store/folder/holder.ts';
import { processClock } from './clock.ts';
import { type DiskTrouble, NO_TROUBLE } from './disk.ts';
import type { SimProcess } from './process.ts';
import type { Machine } from './program.ts';
import type { Random } from './seed.ts';
import type { Host, WorldState } from './state.ts';
import { type Sent, simTransport } from './transport.ts';

/** What a process of this world is lent to run with. */
export function makeMachine(state: WorldState, process: SimProcess, random: Random, disk: DiskTrouble): Machine {
  const clock = processClock(process, () => state.clocks.offsetMs);
  return {
    disk: state.disk.of(process, () => (state.isCalm ? NO_TROUBLE : disk)),
    clock,
    random: () => random.next(),
    processes: processesOf(state, process, state.host),
    log: pino({ level: state.scenario.logLevel, base: null }, { write: (line: string) => void state.logs.push(line) }),
    transport: (apiUrl) => wireOf(state, process, random.fork('wire'), apiUrl),
    credential: state.authority.of(process),
    measureSkew: () => measureSkew(state, process, clock),
    readSource: () => readSource(state, process),
    uuid: () => state.uuid(),
    listen: (signal) => {
      state.signals.set(process, signal);
    },
  };
}

function wireOf(
  state: WorldState,
  process: SimProcess,
  random: Random,
  apiUrl: string,
): ReturnType<Machine['transport']> {
  const { trace, emit, history, scenario } = state;
  return simTransport(process, {
    apiUrl,
    scenario,
    random,
    defender: state.defender,
    now: () => state.now(),
    serverDate: () => {
      const ms = state.clocks.serverMs();
      return ms === undefined ? undefined : new Date(ms).toUTCString();
    },
    outage: () => state.outages.outage,
    calm: () => state.isCalm,
    onSend: (sent) => {
      state.calls++;
      state.noteSlowClock(sent);
      trace.add(`${process.name} sends ${aboutSent(sent)}`);
      onSend(state, sent);
    },
    onCount: (sent) => {
      trace.add(`counted ${aboutSent(sent)}`);
      const key = scenario.routes === 'shared' ? 'all' : sent.request.route;
      emit('count', { counted: history.counted(key, sent) });
    },
    onTold: (sent, told) => {
      const text = 'raw' in told ? `HTTP ${told.raw.http} ${told.raw.body.length}` : told.error;
      trace.add(`${process.name} is told ${text} of ${aboutSent(sent)}`);
      history.told(sent, state.now());
    },
  });
}

function onSend(state: WorldState, sent: Sent): void {
  const { emit, history } = state;
  const worker = state.workers.get(sent.by);
  const watch = worker?.inode && state.files.watchOf(worker.inode);
  const intent = watch?.intentOf(sent);
  emit('send', { sent, worker, watch, intent });
  if (worker === undefined || watch === undefined) return;
  const { route, id = '' } = sent.request;
  if (intent !== undefined) {
    intent.used = true;
    if (route === 'cancel') emit('cancel', { sent, id, worker, watch, intent });
  }
  history.sent(watch.run, sent);
  // What is written of it, nobody will read.
  if (worker.swappedAtMs !== undefined) history.forget(watch.run, sent);
}

function processesOf(state: WorldState, process: SimProcess, { name, boot }: Host): Processes {
  const exists = (pid: number) => state.processes.exists(pid);
  return {
    self: {
      host: name,
      boot: `boot-${name}-${boot}`,
      pidNamespace: 'pid:[1]',
      pid: process.pid,
      processStart: `${process.pid}`,
    },
    exists,
    startOf: (pid) => (exists(pid) ? `${pid}` : null),
  };
}

/** By an answer to a request without a token. Nothing answers in an outage, but where our clock is wrong: then nothing else could be known. */
function measureSkew(state: WorldState, process: SimProcess, { wallMs }: Clock): Promise<number | undefined> {
  const ms = state.random.int(10, 400);
  return new Promise((resolve) => {
    process.act(() =>
      setTimeout(() => {
        const server = state.clocks.serverMs();
        const date = server === undefined ? undefined : Math.floor(server / 1000) * 1000;
        const { outage } = state.outages;
        const away = outage !== undefined && state.clocks.offsetMs === 0 && outage !== '503';
        setTimeout(() => process.deliver(() => resolve(away || date === undefined ? undefined : date - wallMs())), ms);
      }, ms),
    );
  });
}

function readSource(state: WorldState, process: SimProcess): ReturnType<Machine['readSource']> {
  if (state.scenario.source === 'query') return undefined;
  const bytes = Buffer.from(state.source);
  const size = state.random.spread(50, 20_000);
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += size) {
      await new Promise<void>((resolve) => process.act(() => queueMicrotask(() => process.deliver(resolve))));
      yield bytes.subarray(at, at + size);
    }
  }
  return { bytes: chunks(), sha256: createHash('sha256').update(bytes).digest('hex'), length: bytes.length };
}

function aboutSent({ request }: Sent): string {
  const { route, id, ids } = request;
  return route === 'list' ? `list of ${ids.length}` : `${route} ${id?.slice(0, 8)}`;
}
