import { readText } from './manifests.ts';

/** What an expression stands for, by its text as it is written. */
type Expressions = Readonly<Record<string, unknown>>;

/**
 * The body of one resource of a Bicep file as plain data. It reads what our file is written in, one key or item a line, and refuses the rest: objects, lists, texts,
 * numbers, parameters with a default, and the expressions that it is told the value of. No Bicep compiler can be installed here.
 */
export function bicepResource(path: string, name: string, expressions: Expressions): unknown {
  const lines = readText(path)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('//'));
  const values: Record<string, unknown> = { ...expressions };
  for (const line of lines) {
    const [, parameter, value] = /^param (\w+) \w+ = '([^']*)'$/.exec(line) ?? [];
    if (parameter !== undefined) values[parameter] = value;
  }
  const at = lines.findIndex((line) => line.startsWith(`resource ${name} `) && line.endsWith('= {'));
  if (at < 0) throw new Error(`${path} has no resource ${name}`);
  const rest = lines.slice(at + 1);

  const read = (text: string): unknown => {
    if (text === '{') return objectOf();
    if (text === '[') return listOf();
    if (text === '{}') return {};
    if (/^\d+$/.test(text)) return Number(text);
    const [, plain] = /^'([^'$]*)'$/.exec(text) ?? [];
    if (plain !== undefined) return plain;
    if (!Object.hasOwn(values, text)) throw new Error(`${path}: what ${text} stands for is not known`);
    return values[text];
  };
  const next = (): string => {
    const line = rest.shift();
    if (line === undefined) throw new Error(`${path} ends within ${name}`);
    return line;
  };
  const objectOf = (): Record<string, unknown> => {
    const object: Record<string, unknown> = {};
    for (let line = next(); line !== '}'; line = next()) {
      const [, key, interpolated, value = ''] = /^(?:(\w+)|'\$\{([\w.]+)\}'): (.*)$/.exec(line) ?? [];
      if (key === undefined && interpolated === undefined) throw new Error(`${path}: not understood: ${line}`);
      object[key ?? String(read(interpolated ?? ''))] = read(value);
    }
    return object;
  };
  const listOf = (): unknown[] => {
    const items: unknown[] = [];
    for (let line = next(); line !== ']'; line = next()) items.push(read(line));
    return items;
  };
  return objectOf();
}
