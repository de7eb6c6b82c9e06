import { skewOf } from '../../defender/read-answer.ts';
import { describeDuration } from '../../duration.ts';
import type { Finding } from '../check-findings.ts';
import type { Asked } from './host-findings.ts';

/** Below it the clocks agree as well as a header in whole seconds can tell. */
const NOTABLE_MS = 2000;
/** Entra refuses assertions, and tokens seem expired or not yet valid, when the clocks differ by more. */
const TOLERATED_MS = 300_000;

/** This machine's clock against the `Date` of the answer; undefined when there was none. */
export function clockFinding({ result, sentAtMs, receivedAtMs }: Asked): Finding | undefined {
  const dateMs = 'raw' in result ? skewOf(result.raw, 0) : undefined;
  if (dateMs === undefined) return undefined;
  const topic = 'clock';
  // The header was cut to its second, somewhen between send and answer.
  const least = dateMs - receivedAtMs;
  const most = dateMs + 1000 - sentAtMs;
  if (least <= NOTABLE_MS && most >= -NOTABLE_MS) {
    return { level: 'ok', topic, text: "this machine's clock agrees with Defender's" };
  }
  const skewMs = least > 0 ? least : -most;
  const message = `this machine's clock is ${describeDuration(skewMs)} ${least > 0 ? 'behind' : 'ahead of'} Defender's`;
  const harm =
    skewMs > TOLERATED_MS
      ? 'sign-in by certificate fails with it, and ages such as createdBefore: 7d are wrong by it'
      : 'the quota allows for it, but ages such as createdBefore: 7d are wrong by it';
  return { level: 'warning', topic, text: `${message}: ${harm}; set the clock, and keep it by NTP` };
}
