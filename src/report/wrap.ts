/** A number and its unit, which stay on one line. */
const MEASURE = /(\d) (ms|s|min|h|d|%)(?![\w])/g;

/** Lines of at most `columns`, broken at blanks; a longer word (a path, a command's argument) stays whole. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const kept of text.replaceAll(MEASURE, '$1\u00A0$2').split(' ')) {
    const word = kept.replaceAll('\u00A0', ' ');
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines;
}
