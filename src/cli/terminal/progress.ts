import { cleanLine } from '../../clean.ts';
import { describeDuration } from '../../duration.ts';
import { PAUSE_WORDS } from '../../report/format.ts';
import type { Machine } from '../../run/machine.ts';
import type { PauseFacts, ProgressFacts } from '../../run/progress-facts.ts';
import { styled } from '../../styled.ts';
import { stderrLine } from './stderr-line.ts';
import { terminalOf } from './terminal.ts';

/** Every so often on a terminal, and in a log. */
const TERMINAL_MS = 200;
const LOG_MS = 30_000;

type Where = Pick<Machine, 'env' | 'log'>;

/**
 * Shows how far the work is, each time as `read` tells it: a bar on a terminal, else a log line every 30 s. Nothing is counted here. Disposing of it
 * removes the bar.
 */
export async function showProgress(read: () => ProgressFacts, where: Where): Promise<Disposable> {
  const { env } = where;
  return terminalOf(process.stderr, env).isTerminal ? showBar(read, where) : logProgress(read, where);
}

async function showBar(read: () => ProgressFacts, { env }: Where): Promise<Disposable> {
  const { default: yoctocolors } = await import('yoctocolors');
  const line = stderrLine.show(() => {
    const { columns, colour } = terminalOf(process.stderr, env);
    return styled(progressLine(read(), { columns, paint: colour ? yoctocolors : undefined }));
  });
  const timer = setInterval(() => line.redraw(), TERMINAL_MS).unref();
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer);
      line[Symbol.dispose]();
    },
  };
}

function logProgress(read: () => ProgressFacts, { log }: Where): Disposable {
  const timer = setInterval(() => {
    const { doing, done, total, outcomes, windows, pause, etaMs } = read();
    log.info(
      {
        ...(doing === undefined ? {} : { doing }),
        done,
        total,
        outcomes,
        quotaLeft: windows.map(({ left, calls, perMs }) => ({ left, calls, perMs })),
        ...(pause === undefined ? {} : { pause }),
        ...(etaMs === undefined ? {} : { etaMs: Math.round(etaMs) }),
      },
      'progress',
    );
  }, LOG_MS).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

export interface LineStyle {
  columns: number;
  /** Undefined without colour. */
  paint: { dim(text: string): string; yellow(text: string): string; bold(text: string): string } | undefined;
}

const WIDEST_BAR = 20;
const NARROW_BAR = 8;

/** Columns from which on the bar is wide and the windows are named. */
const WIDE = 100;

/** Turns of what a pause has to say where it does not fit at once. */
const TURN_MS = 3000;

/**
 * One line that never wraps: bar (what was accepted and not seen to end is its lighter part), done / total, what is being waited for or when it will be
 * done, quota left in each window, and the outcomes so far. What does not fit is left out from the end.
 */
export function progressLine(facts: ProgressFacts, { columns, paint }: LineStyle): string {
  const { doing, done, total, confirming, outcomes, windows, pause, etaMs } = facts;
  const width = columns < WIDE ? NARROW_BAR : WIDEST_BAR;
  const parts: { text: string; tone: 'dim' | 'yellow' | 'bold' | undefined }[] = [
    { text: `${doing === undefined ? '' : `${doing} `}${done}/${total}`, tone: 'bold' },
  ];
  // One column stays free: a full line makes some terminals wrap.
  let room = columns - 1 - width;
  if (pause !== undefined) {
    parts.push({ text: pauseWords(pause, room - (parts[0]?.text.length ?? 0) - 4), tone: 'yellow' });
  } else if (etaMs !== undefined) {
    parts.push({ text: `${describeDuration(Math.max(1000, Math.ceil(etaMs / 1000) * 1000))} left`, tone: undefined });
  }
  const quota = windows.map(({ left, calls, perMs }) =>
    columns < WIDE ? `${left}/${calls}` : `${left}/${calls} in ${describeDuration(perMs)}`,
  );
  parts.push({ text: `quota left ${quota.join(', ')}`, tone: 'dim' });
  if (confirming > 0) parts.push({ text: `confirming ${confirming}`, tone: undefined });
  for (const [name, n] of Object.entries(outcomes)) parts.push({ text: `${name} ${n}`, tone: undefined });

  let line = '';
  for (const { text: given, tone } of parts) {
    const text = cleanLine(given);
    if (text.length + 2 > room) break;
    room -= text.length + 2;
    line += `  ${tone === undefined || paint === undefined ? text : paint[tone](text)}`;
  }
  const cells = (n: number) => Math.round(width * Math.min(1, n / Math.max(1, total)));
  const full = cells(done);
  const accepted = cells(done + confirming) - full;
  const [complete, taken, incomplete] = paint === undefined ? ['#', '+', '-'] : ['█', '▒', '░'];
  return complete.repeat(full) + taken.repeat(accepted) + incomplete.repeat(width - full - accepted) + line;
}

/** Why, and when the next try is; then whether our own quota is used up, when it gives up, and since when: all of it where there is room, else in turns. */
function pauseWords({ reason, elapsedMs, leftMs, givesUpInMs, ownQuotaSpent }: PauseFacts, room: number): string {
  const why = `${PAUSE_WORDS[reason]}, next try in ${Math.ceil(leftMs / 1000)} s`;
  const more = [
    ...(reason === 'throttled' ? [ownQuotaSpent ? 'quota used up' : 'quota not used up'] : []),
    `gives up in ${roughly(givesUpInMs)}`,
    `paused ${roughly(elapsedMs)}`,
  ];
  const all = [why, ...more].join(', ');
  if (all.length <= room) return all;
  const turn = `${why}, ${more[Math.floor(elapsedMs / TURN_MS) % more.length]}`;
  return turn.length <= room ? turn : why;
}

/** Whole minutes from two on, so that it does not flicker. */
function roughly(ms: number): string {
  const unit = ms < 120_000 ? 1000 : 60_000;
  return describeDuration(Math.max(1000, Math.round(ms / unit) * unit));
}
