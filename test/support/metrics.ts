/**
 * Reads the Prometheus text format as strictly as the textfile collector does: HELP and TYPE before the samples of a name, all of them
 * together, no sample twice, a newline at the end. Values by name and labels. Throws for anything else.
 */
export function samplesOf(text: string): Map<string, number> {
  if (!text.endsWith('\n')) throw new Error('no newline at the end');
  const samples = new Map<string, number>();
  const begun = new Set<string>();
  let name = '';
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '') continue;
    const comment = /^# (HELP|TYPE) ([a-z_]+) (.+)$/.exec(line);
    if (comment?.[1] === 'HELP') {
      name = comment[2] ?? '';
      if (begun.has(name)) throw new Error(`${name} comes twice`);
      begun.add(name);
    } else if (comment?.[1] === 'TYPE') {
      if (comment[2] !== name || !/^(gauge|counter)$/.test(comment[3] ?? '')) throw new Error(`not a type: ${line}`);
    } else {
      const sample = /^([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\]|\\["\\n])*",?)+\})? (-?[0-9.e+]+)$/.exec(line);
      if (sample?.[1] !== name) throw new Error(`not a sample of ${name}: ${line}`);
      const key = `${name}${sample[2] ?? ''}`;
      if (samples.has(key)) throw new Error(`${key} comes twice`);
      samples.set(key, Number(sample[3]));
    }
  }
  return samples;
}
