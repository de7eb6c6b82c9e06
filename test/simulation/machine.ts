import { EventEmitter } from 'node:events';
import { pino } from 'pino';
import { listenForInterrupts, type ProcessInterrupts } from '../../src/cli/terminal/interrupts.ts';
import type { Transport, WireResult } from '../../src/defender/transport.ts';
import { noSecrets } from '../../src/identity/session-secrets.ts';
import type { SourceBytes } from '../../src/intake/open-source.ts';
import { keepAll } from '../../src/redact.ts';
import type { Context } from '../../src/run/console.ts';
import type { Outputs } from '../../src/run/outputs.ts';
import type { Disk } from '../../src/store/folder/disk.ts';
import { FolderStore } from '../../src/store/folder/folder-store.ts';
import type { Processes } from '../../src/store/folder/holder.ts';
import { processClock } from './clock.ts';
import { type DiskTrouble, NO_TROUBLE } from './disk.ts';
import { JOB_TEXT } from './job.ts';
import type { SimProcess } from './process.ts';
import type { Random } from './seed.ts';
import type { Host, WorldState } from './state.ts';
import { type Sent, simTransport } from './transport.ts';

export interface SimMachineOptions {
  random: Random;
  disk: DiskTrouble;
  /** The disk as somebody sees it who watches. */
  watch?: ((disk: Disk) => Disk) | undefined;
  /** Each of its connections has numbers of its own: it hosts many sessions. */
  hosts?: boolean;
  /** Reads its log. */
  onLog?: ((line: string) => void) | undefined;
}

export interface SimMachine {
  context: Context;
  interrupts: ProcessInterrupts;
}

/** The machine and console of a process of this world: nobody sits at it. */
export function makeMachine(state: WorldState, process: SimProcess, options: SimMachineOptions): SimMachine {
  const { random, watch = (disk) => disk } = options;
  const clock = processClock(process, () => state.clocks.offsetMs);
  const disk = watch(state.disk.of(process, () => (state.isCalm ? NO_TROUBLE : options.disk)));
  const log = pino(
    { level: state.scenario.logLevel, base: null },
    {
      write: (line: string) => {
        state.logs.push(line);
        options.onLog?.(line);
      },
    },
  );
  const signals = new EventEmitter();
  // A process that ends by itself wherever it stands is seen as one that is killed.
  const interrupts = listenForInterrupts(Object.assign(signals, { platform: 'linux' as const }), () => process.kill());
  state.signals.set(process, () => signals.emit('SIGTERM'));
  const processes = processesOf(state, process, state.host);
  let connections = 0;
  const context: Context = {
    env: { AZURE_CLIENT_SECRET: 'simulated' },
    cwd: '/',
    ...{ clock, log, interrupts },
    secrets: noSecrets,
    redact: keepAll,
    random: () => random.next(),
    uuid: () => state.uuid(),
    store: new FolderStore({ disk, clock, log, processes }),
    storeWords: [],
    sources: {
      at: () => 'file',
      open: () => Promise.resolve(readSource(state, process)),
      stdin: () => readSource(state, process),
      job: () => Promise.resolve(JOB_TEXT),
    },
    outputs: () => outputsOf(state),
    connect: ({ apiUrl }) => {
      const stream = options.hosts === true ? `wire ${connections++}` : 'wire';
      return {
        transport: () => wireOf(state, process, random.fork(stream), apiUrl),
        credential: () => state.authority.of(process),
        end: () => Promise.resolve(),
      };
    },
    out: () => undefined,
    delivered: () => Promise.resolve(),
    say: (output) => log.info(typeof output === 'string' ? output : output.text),
    terminal: { columns: 80, plain: true },
    canAsk: () => false,
    ask: () => Promise.resolve(false),
    progress: (read) => {
      read();
      return Promise.resolve({ [Symbol.dispose]: () => {} });
    },
  };
  return { context, interrupts };
}

/** Files beside the ledgers: each is there whole, or not at all. */
function outputsOf({ outputs }: WorldState): Outputs {
  const claim: Outputs['claim'] = (_flag, path) =>
    Promise.resolve({
      path,
      isThere: () => Promise.resolve(outputs.has(path)),
      write: async (pieces) => {
        let text = '';
        for await (const piece of pieces) text += piece;
        outputs.set(path, text);
        return '';
      },
    });
  return {
    claim,
    keep: () => undefined,
    claimIfGiven: async (flag, given) => (given === undefined ? undefined : claim(flag, String(given))),
    recheck: () => Promise.resolve(),
  };
}

function wireOf(state: WorldState, process: SimProcess, random: Random, apiUrl: string): Transport {
  const { trace, emit, history, scenario } = state;
  const calls = simTransport(process, {
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
  return (request, signal) => (request.method === 'HEAD' ? askForDate(state, process) : calls(request, signal));
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

/** A request without a token, for its date. Nothing answers in an outage, but where our clock is wrong: then nothing else could be known. */
function askForDate(state: WorldState, process: SimProcess): Promise<WireResult> {
  const ms = state.random.int(10, 400);
  return new Promise((resolve) => {
    process.act(() =>
      setTimeout(() => {
        const server = state.clocks.serverMs();
        const date = server === undefined ? {} : { date: new Date(server).toUTCString() };
        const { outage } = state.outages;
        const away = outage !== undefined && state.clocks.offsetMs === 0 && outage !== '503';
        const result: WireResult = away ? { error: 'timeout' } : { raw: { http: 404, headers: date, body: '' } };
        setTimeout(() => process.deliver(() => resolve(result)), ms);
      }, ms),
    );
  });
}

function readSource(state: WorldState, process: SimProcess): SourceBytes {
  const bytes = Buffer.from(state.source);
  const size = state.random.spread(50, 20_000);
  return {
    async *[Symbol.asyncIterator]() {
      for (let at = 0; at < bytes.length; at += size) {
        await new Promise<void>((resolve) => process.act(() => queueMicrotask(() => process.deliver(resolve))));
        yield bytes.subarray(at, at + size);
      }
    },
  };
}

function aboutSent({ request }: Sent): string {
  const { route, id, ids } = request;
  return route === 'list' ? `list of ${ids.length}` : `${route} ${id?.slice(0, 8)}`;
}
