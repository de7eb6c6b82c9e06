import { describe, expect, it } from 'vitest';
import { DiskError, LockedError, stoppedBy } from '../src/errors.ts';

describe('what stopped the work', () => {
  it('what stopped the work is the first error, where closing failed as well', async () => {
    const stopped = new LockedError('another run holds it');
    const work = async () => {
      await using _outer = { [Symbol.asyncDispose]: () => Promise.reject(new DiskError('it could not be closed')) };
      await using _inner = { [Symbol.asyncDispose]: () => Promise.reject(new Error('nor this')) };
      throw stopped;
    };
    const thrown = await work().catch((error: unknown) => error);
    expect(thrown).not.toBe(stopped);
    expect(stoppedBy(thrown)).toBe(stopped);
  });

  it('what stopped the work is any other error itself', () => {
    const error = new DiskError('full');
    expect(stoppedBy(error)).toBe(error);
    expect(stoppedBy('text')).toBe('text');
  });
});
