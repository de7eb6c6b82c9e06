import { describe, expect, test } from 'vitest';
import { Outlet } from '../../../src/cli/terminal/outlet.ts';

/** A reader as the system shows it: room for so many bytes, or a trouble. */
class Reader {
  text = '';
  room = Number.POSITIVE_INFINITY;
  trouble: string | undefined;

  readonly put = (bytes: Uint8Array): number => {
    if (this.trouble !== undefined) throw Object.assign(new Error(this.trouble), { code: this.trouble });
    const taken = Math.min(bytes.length, this.room);
    if (taken === 0) throw Object.assign(new Error('EAGAIN'), { code: 'EAGAIN' });
    this.room -= taken;
    this.text += Buffer.from(bytes.subarray(0, taken)).toString('utf8');
    return taken;
  };
}

describe('what is told on stderr', () => {
  test('what is told on stderr is written at once where there is room', () => {
    const reader = new Reader();
    new Outlet(reader.put).write('a\n');
    expect(reader.text).toBe('a\n');
  });

  test('what is told on stderr waits in order for a reader that is behind, and the writer goes on', async () => {
    const reader = new Reader();
    const outlet = new Outlet(reader.put);
    reader.room = 3;
    for (const line of ['one\n', 'two\n', 'three\n']) outlet.write(line);
    expect(reader.text).toBe('one');
    reader.room = 1000;
    await outlet.drained();
    expect(reader.text).toBe('one\ntwo\nthree\n');
  });

  test('what is told on stderr is lost beyond what is kept for a reader that stands still, and how many lines are missing is said where they are', async () => {
    const reader = new Reader();
    const outlet = new Outlet(reader.put);
    reader.room = 10;
    const line = `${'x'.repeat(1023)}\n`;
    for (let i = 0; i < 3000; i++) outlet.write(line);
    reader.room = Number.POSITIVE_INFINITY;
    await outlet.drained();
    const lines = reader.text.split('\n');
    const kept = lines.filter((each) => each === line.trimEnd()).length;
    expect(kept).toBe(1024);
    expect(lines.slice(-2)).toEqual([
      `countermand: ${3000 - kept} lines are missing here: they could not be written`,
      '',
    ]);
  });

  test.each(['ENOSPC', 'EPIPE', 'EIO', 'EBADF', 'ENXIO', 'EINVAL'])(
    'what is told on stderr is lost on %s, and throws nothing',
    async (code) => {
      const reader = new Reader();
      const outlet = new Outlet(reader.put);
      outlet.write('before\n');
      reader.trouble = code;
      for (let i = 0; i < 3; i++) outlet.write('lost\n');
      await outlet.drained();
      reader.trouble = undefined;
      outlet.write('after\n');
      expect(reader.text).toBe('before\ncountermand: 3 lines are missing here: they could not be written\nafter\n');
    },
  );

  test('what is told on stderr is given up at the end when nobody reads it any more', async () => {
    const reader = new Reader();
    const outlet = new Outlet(reader.put);
    reader.room = 1;
    outlet.write('never read\n');
    await outlet.drained();
    expect(reader.text).toBe('n');
  });
});
