import { green, red, yellow } from 'yoctocolors';
import { cleanLine } from '../../clean.ts';
import { plural, type Terminal, wrap } from '../../report/format.ts';
import { exitCodeOfFindings, type Finding } from '../../run/check-findings.ts';

const PAINT = { ok: green, warning: yellow, wrong: red } as const;
const LEVEL_WIDTH = 'warning  '.length;
const TOPIC_WIDTH = 'permissions  '.length;

/** The lines of `check` and what they come down to. In a pipe each finding is one line, else it wraps under its own beginning. */
export function findingsText(findings: readonly Finding[], { plain, columns }: Terminal): string {
  const margin = LEVEL_WIDTH + TOPIC_WIDTH;
  const lines = findings.map(({ level, topic, text }) => {
    const word = level.padEnd(LEVEL_WIDTH);
    const clean = cleanLine(text);
    const wrapped = plain ? [clean] : wrap(clean, columns - margin);
    return `${plain ? word : PAINT[level](word)}${topic.padEnd(TOPIC_WIDTH)}${wrapped.join(`\n${' '.repeat(margin)}`)}`;
  });
  const end = conclusion(findings);
  return `${lines.join('\n')}\n\n${plain ? end : wrap(end, columns).join('\n')}\n`;
}

function conclusion(findings: readonly Finding[]): string {
  const of = (level: Finding['level']) => findings.filter((each) => each.level === level).length;
  const wrong = of('wrong');
  const warnings = of('warning');
  if (wrong > 0) {
    const rest = 'what depends on it was not checked';
    return `Not ready: ${plural(wrong, 'thing')} to put right first; ${rest} (exit ${exitCodeOfFindings(findings)}).`;
  }
  return warnings > 0 ? `A run can start; ${plural(warnings, 'warning')}.` : 'A run can start.';
}
