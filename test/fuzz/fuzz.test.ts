import fc from 'fast-check';
import { describe, it } from 'vitest';
import { useVirtualTime } from '../engine/harness.ts';
import { OddServer, wireCase } from './over-sockets.ts';
import { play, playAnswers } from './play-answers.ts';
import { readSource, source } from './sources.ts';

describe('a run over answers of any kind', () => {
  const time = useVirtualTime();
  it('a run over answers of any kind ends, repeats no cancel that was answered, and keeps one reply a call', async () => {
    await fc.assert(
      fc.asyncProperty(play, (given) => playAnswers(given, time())),
      { numRuns: 120 },
    );
  });
});

describe('an answer of any kind over a real socket', () => {
  it('an answer of any kind over a real socket is taken for what it is, after one request', async () => {
    await using server = await new OddServer().start();
    await fc.assert(
      fc.asyncProperty(wireCase, (given) => server.ask(given)),
      { numRuns: 300 },
    );
  });
});

describe('a source of any kind', () => {
  it('a source of any kind is read, or refused in one sentence, in whatever pieces it comes', async () => {
    await fc.assert(fc.asyncProperty(source, readSource), { numRuns: 400 });
  });
});
