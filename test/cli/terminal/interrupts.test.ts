import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { listenForInterrupts, type SignalSource } from '../../../src/cli/terminal/interrupts.ts';
import { InterruptedError } from '../../../src/errors.ts';
import { EXIT_CODES, SIGNAL_EXITS } from '../../../src/exit-codes.ts';
import { platformOf } from '../../../src/platform.ts';

/** A process of a platform that hears what is emitted. */
function processOf(platform: NodeJS.Platform): SignalSource & EventEmitter {
  return Object.assign(new EventEmitter(), { platform });
}

function listening(platform: NodeJS.Platform) {
  const source = processOf(platform);
  const ends: number[] = [];
  const interrupts = listenForInterrupts(source, (exitCode) => ends.push(exitCode));
  return { source, ends, interrupts };
}

const never = () => new Promise<never>(() => {});

describe('a signal', () => {
  it.each<[NodeJS.Platform, NodeJS.Signals, number]>([
    ['linux', 'SIGINT', 130],
    ['linux', 'SIGTERM', 143],
    ['linux', 'SIGHUP', 129],
    ['darwin', 'SIGHUP', 129],
    ['win32', 'SIGINT', 130],
    ['win32', 'SIGBREAK', 130],
    ['win32', 'SIGHUP', 129],
  ])('a signal on %s, %s, ends what holds nothing with %d', async (platform, signal, exitCode) => {
    const { source, interrupts } = listening(platform);
    const work = interrupts.orInterrupted(never());
    source.emit(signal);
    const error: unknown = await work.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(InterruptedError);
    expect((error as InterruptedError).exitCode).toBe(exitCode);
    expect(interrupts.signal.reason).toBe(error);
  });

  it('a signal is told to who holds something, who goes on until it has closed that', async () => {
    const { source, interrupts, ends } = listening('linux');
    const told: string[] = [];
    let finish = (_: number) => {};
    const work = interrupts.orInterrupted(
      new Promise<number>((resolve) => {
        finish = resolve;
      }),
    );
    const held = interrupts.hold((signal, nth) => told.push(`${signal} ${nth}`));
    source.emit('SIGTERM');
    source.emit('SIGINT');
    expect(told).toEqual(['SIGTERM 1', 'SIGINT 2']);
    held[Symbol.dispose]();
    finish(143);
    expect(await work).toBe(143);
    expect(ends).toEqual([]);
  });

  it('a signal for the second time ends what holds nothing, for the third time everything, with the code of the first', () => {
    const free = listening('linux');
    free.source.emit('SIGHUP');
    free.source.emit('SIGINT');
    expect(free.ends).toEqual([129]);
    const held = listening('linux');
    held.interrupts.hold(() => {});
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGINT']) held.source.emit(signal);
    expect(held.ends).toEqual([143]);
  });

  it('a signal that came before keeps anything from being begun', () => {
    const { source, interrupts } = listening('linux');
    source.emit('SIGINT');
    expect(() => interrupts.hold(() => {})).toThrow(InterruptedError);
  });

  it('a signal is left to Node again once nobody listens', () => {
    const { source, interrupts } = listening('win32');
    expect(source.eventNames().sort()).toEqual([...platformOf('win32').stopSignals.keys()].sort());
    interrupts[Symbol.dispose]();
    expect(source.eventNames()).toEqual([]);
  });

  it('a signal has an exit code of the table', () => {
    for (const exitCode of Object.values(SIGNAL_EXITS)) expect(EXIT_CODES[exitCode].rerun).toBe(true);
  });
});
