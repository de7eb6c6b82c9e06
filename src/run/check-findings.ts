import type { CountermandError } from '../errors.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { CheckLine } from '../identity/sign-in-report.ts';

/** Bad settings, refused, only out of reach. */
export type WrongExit = 2 | 4 | 6;

/** One line of `check`. The text of a line that is not ok ends with what to do. */
export type Finding = {
  topic: CheckLine['topic'] | 'settings' | 'host' | 'clock' | 'read' | 'ledgers' | 'quota';
  text: string;
} & ({ level: 'ok' | 'warning' } | { level: 'wrong'; exitCode: WrongExit });

/** What has to be put right first decides: settings, then credentials, then what only waiting helps. */
export function exitCodeOfFindings(findings: readonly Finding[]): Extract<ExitCode, 0 | WrongExit> {
  const codes = findings.flatMap((each) => (each.level === 'wrong' ? [each.exitCode] : []));
  return codes.length === 0 ? 0 : (Math.min(...codes) as WrongExit);
}

/** Lines of sign-in and permissions: what is wrong there is a refusal. */
export function findingsOf(lines: readonly CheckLine[]): Finding[] {
  return lines.map(({ level, topic, text }) =>
    level === 'wrong' ? { level, topic, text, exitCode: 4 } : { level, topic, text },
  );
}

/** An error that a person can act on as lines, one for each line of its message. */
export function wrongBy(topic: Finding['topic'], { lines, exitCode }: CountermandError): Finding[] {
  const code: WrongExit = exitCode === 2 || exitCode === 6 ? exitCode : 4;
  return lines.map((text) => ({ level: 'wrong', topic, text, exitCode: code }));
}
