import { describeDuration } from '../../duration.ts';
import type { Window } from '../../quota/quota.ts';
import type { ForecastFacts } from '../facts/plan-summary.ts';
import type { Summary } from '../facts/summary.ts';
import type { WindowUsage } from '../facts/usage.ts';
import { formatCount } from '../format.ts';
import { bucketed, thinned, timeAxis } from './chart-steps.ts';
import { html, type Markup, trusted } from './markup.ts';

/** Draws the charts as SVG. Colours are CSS variables of the page, so that one drawing serves light, dark and paper. */
export interface Charts {
  /** One bar, its parts side by side; a part that is too small to be seen still gets a sliver. */
  bar(parts: readonly BarPart[], label: string, size?: 'large' | 'small'): Markup;
  calls(summary: Summary): Markup;
  /** How full a window was, under its limit. */
  usage(usage: WindowUsage, over: CallTimes): Markup;
  forecast(forecast: ForecastFacts, quarters: readonly { part: number; atMs: number }[]): Markup;
}

type CallTimes = Pick<Summary, 'minutes' | 'firstAtMs'>;

interface BarPart {
  n: number;
  /** Name of a CSS variable, without its dashes. */
  color: string;
}

/** Steps on the time axis at most: more could not be told apart. */
const MAX_STEPS = 160;
const STEPS_MIN = [1, 2, 5, 10, 15, 30, 60, 120, 240, 720, 1440];
const WIDE = 1000;
const NARROW = 350;

/** The drawing libraries are loaded here, and only when a page is made. */
export async function createCharts(): Promise<Charts> {
  const [Plot, { parseHTML }] = await Promise.all([import('@observablehq/plot'), import('linkedom')]);
  const { document } = parseHTML('<!doctype html><html><body></body></html>');

  const draw = (options: Parameters<typeof Plot.plot>[0]): string => {
    const svg = Plot.plot({ document, style: {}, ...options });
    svg.querySelector('style')?.remove();
    svg.removeAttribute('style');
    svg.setAttribute('aria-hidden', 'true');
    return String(svg.outerHTML).replace(/\d+\.\d{3,}/g, (number) => String(Number(Number(number).toFixed(2))));
  };
  /** Drawn for a desk and for a hand: the page shows the one that fits. */
  const both = (label: string, options: (width: number) => Parameters<typeof Plot.plot>[0]): Markup => html`<div
    class="chart" role="img" aria-label="${label}"><div class="wide">${trusted(draw(options(WIDE)))}</div><div
    class="narrow">${trusted(draw(options(NARROW)))}</div></div>`;

  const limitMarks = (limits: readonly { y: number; text: string }[]) => [
    Plot.ruleY(limits, { y: 'y', stroke: 'var(--quota)', strokeDasharray: '4 3' }),
    Plot.text(limits, {
      y: 'y',
      text: 'text',
      frameAnchor: 'right',
      textAnchor: 'end',
      dy: -8,
      fill: 'var(--quota)',
      stroke: 'var(--paper)',
      strokeWidth: 4,
    }),
    Plot.ruleY([0], { stroke: 'var(--rule)' }),
  ];

  const bar: Charts['bar'] = (parts, label, size = 'large') => {
    const shown = parts.filter(({ n }) => n > 0);
    const whole = shown.reduce((sum, { n }) => sum + n, 0);
    const least = whole * 0.004;
    let from = 0;
    const placed = shown.map(({ n, color }) => {
      const begin = from;
      from += Math.max(n, least);
      return { begin, end: from, color };
    });
    const svg = draw({
      width: WIDE,
      height: size === 'large' ? 28 : 10,
      margin: 0,
      axis: null,
      x: { domain: [0, Math.max(from, 1)] },
      marks: [
        Plot.rect(placed, {
          x1: 'begin',
          x2: 'end',
          y1: 0,
          y2: 1,
          insetLeft: 1,
          insetRight: 1,
          fill: (part: { color: string }) => `var(--${part.color})`,
        }),
      ],
    }).replace('<svg ', '<svg preserveAspectRatio="none" ');
    return html`<div class="bar ${size}" role="img" aria-label="${label}">${trusted(svg)}</div>`;
  };

  const calls: Charts['calls'] = (summary) => {
    const { windows, pauses } = summary;
    const [first, last] = callTimes(summary);
    const stepMin = STEPS_MIN.find((step) => (last - first) / 60_000 / step <= MAX_STEPS) ?? 1440;
    const steps = bucketed(summary.minutes, stepMin);
    const bars = steps.flatMap(({ atMs, ...routes }) => {
      let from = 0;
      return (['cancel', 'list', 'get', 'machines'] as const).flatMap((route) => {
        const n = routes[route] / stepMin;
        if (n === 0) return [];
        const part = { x1: new Date(atMs), x2: new Date(atMs + stepMin * 60_000), y1: from, y2: from + n, route };
        from += n;
        return [part];
      });
    });
    // A longer window's limit would be read as a breach beside single minutes: it has a chart of its own.
    const lines = windows
      .filter(({ perMs }) => perMs <= 60_000)
      .map((window) => ({ y: window.calls * Math.ceil(60_000 / window.perMs), text: limitOf(window) }));
    const highest = Math.max(1, ...bars.map(({ y2 }) => y2));
    // A quota far above what was called would flatten everything else.
    const drawn = lines.filter(({ y }) => y <= highest * 12);
    const bands = pauses
      .filter(({ untilMs, atMs }) => untilMs > atMs && atMs < last && untilMs > first)
      .map(({ atMs, untilMs }) => ({ x1: new Date(Math.max(atMs, first)), x2: new Date(Math.min(untilMs, last)) }));
    const per = stepMin === 1 ? 'calls a minute' : `calls a minute, mean of ${describeDuration(stepMin * 60_000)}`;
    const label = `Calls a minute over time, at most ${formatCount(Math.ceil(highest))}, with ${pauses.length} pauses marked`;
    return both(label, (width) => ({
      width,
      height: width === WIDE ? 240 : 210,
      marginLeft: 38,
      marginRight: 12,
      marginTop: 26,
      x: timeAxis(first, last, width === WIDE),
      y: {
        label: per,
        labelArrow: 'none',
        grid: true,
        ticks: 4,
        domain: [0, Math.max(highest, ...drawn.map(({ y }) => y)) * 1.08],
      },
      marks: [
        Plot.rectX(bands, { x1: 'x1', x2: 'x2', fill: 'var(--pause)', className: 'pauses' }),
        Plot.rect(bars, {
          x1: 'x1',
          x2: 'x2',
          y1: 'y1',
          y2: 'y2',
          insetLeft: steps.length > 100 ? 0 : 0.5,
          insetRight: steps.length > 100 ? 0 : 0.5,
          fill: (part: { route: string }) => `var(--route-${part.route})`,
        }),
        ...limitMarks(drawn),
      ],
    }));
  };

  const forecast: Charts['forecast'] = ({ curve, startsAtMs, endsAtMs, calls: total }, quarters) => {
    const points = thinned(curve).map(({ atMs, done }) => ({ at: new Date(atMs), done }));
    const marks = quarters.map(({ part, atMs }) => ({
      at: new Date(atMs),
      done: part * total,
      text: `${part * 100} %`,
    }));
    const label = `Forecast: ${formatCount(total)} calls made over ${describeDuration(endsAtMs - startsAtMs)}`;
    return both(label, (width) => ({
      width,
      height: width === WIDE ? 240 : 210,
      marginLeft: 48,
      marginRight: 40,
      marginTop: 26,
      x: timeAxis(startsAtMs, Math.max(endsAtMs, startsAtMs + 1), width === WIDE),
      y: { label: 'calls made', labelArrow: 'none', grid: true, ticks: 4, domain: [0, Math.max(1, total) * 1.08] },
      marks: [
        Plot.areaY(points, {
          x: 'at',
          y1: 0,
          y2: 'done',
          curve: 'step-after',
          fill: 'var(--route-cancel)',
          fillOpacity: 0.18,
        }),
        Plot.lineY(points, {
          x: 'at',
          y: 'done',
          curve: 'step-after',
          stroke: 'var(--route-cancel)',
          strokeWidth: 1.8,
        }),
        Plot.dot(marks, { x: 'at', y: 'done', r: 3.5, fill: 'var(--route-cancel)' }),
        Plot.text(marks, {
          x: 'at',
          y: 'done',
          text: 'text',
          dy: -11,
          fill: 'var(--ink)',
          stroke: 'var(--paper)',
          strokeWidth: 4,
        }),
        Plot.ruleY([0], { stroke: 'var(--rule)' }),
      ],
    }));
  };

  const usage: Charts['usage'] = ({ points, ...window }, summary) => {
    const [first, last] = callTimes(summary);
    const inside = points.filter(({ atMs }) => atMs <= last);
    const steps = thinned([{ atMs: first, calls: 0 }, ...inside, { atMs: last, calls: inside.at(-1)?.calls ?? 0 }]);
    const curve = steps.map(({ atMs, calls }) => ({ at: new Date(atMs), calls }));
    const most = points.reduce((highest, { calls }) => Math.max(highest, calls), 0);
    const span = describeDuration(window.perMs);
    const label = `Calls in the last ${span} over time: at most ${formatCount(most)} of ${formatCount(window.calls)}`;
    const limit = [{ y: window.calls, text: limitOf(window) }];
    return both(label, (width) => ({
      width,
      height: 150,
      marginLeft: 38,
      marginRight: 12,
      marginTop: 26,
      x: timeAxis(first, last, width === WIDE),
      y: {
        label: `calls in the last ${span}`,
        labelArrow: 'none',
        grid: true,
        ticks: 3,
        domain: [0, window.calls * 1.2],
      },
      marks: [
        Plot.areaY(curve, {
          x: 'at',
          y1: 0,
          y2: 'calls',
          curve: 'step-after',
          fill: 'var(--route-cancel)',
          fillOpacity: 0.3,
        }),
        ...limitMarks(limit),
      ],
    }));
  };

  return { bar, calls, usage, forecast };
}

/** From the first minute in which something was sent to the end of the last. */
function callTimes({ minutes, firstAtMs }: CallTimes): [number, number] {
  const first = minutes[0]?.atMs ?? firstAtMs;
  return [first, (minutes.at(-1)?.atMs ?? first) + 60_000];
}

function limitOf({ calls, perMs }: Window): string {
  return `limit: ${formatCount(calls)} in ${describeDuration(perMs)}`;
}
