import { type Clock, systemClock } from '../../../src/clock.ts';
import type { Transport } from '../../../src/defender/transport.ts';
import type { Database } from '../../../src/store/postgres/database.ts';
import { storeTrouble } from '../../../src/store/postgres/trouble.ts';

/** What becomes of one statement: nothing to remark, never heard of, done and not answered, answered late, or done long after it was given up. */
export type Fate =
  | { kind: 'true' }
  | { kind: 'unheard' }
  | { kind: 'unanswered' }
  | { kind: 'slow'; ms: number }
  | { kind: 'late'; ms: number };

/** As the client has it: the server's own limit, and a grace. */
const GIVEN_UP_MS = 7000;

/**
 * A process that can be killed and can stand still, with its own way to the database and to Defender. What is under way when it dies is done all the same;
 * the process hears nothing any more. While it stands still, its clock goes on.
 */
export class LiableProcess {
  readonly clock: Clock;
  isDead = false;
  #standing: Promise<void> | undefined;
  /** Of its statements, in their order: what becomes of each. */
  fate: (n: number, text: string) => Fate = () => ({ kind: 'true' });
  statements = 0;

  constructor() {
    this.clock = {
      wallMs: () => systemClock.wallMs(),
      monotonicMs: () => systemClock.monotonicMs(),
      sleep: (ms, options) => this.#heard(systemClock.sleep(ms, options)),
    };
  }

  /** Nothing reaches it for so long. */
  standStill(ms: number): void {
    if (this.#standing !== undefined) return;
    this.#standing = systemClock.sleep(ms).then(() => {
      this.#standing = undefined;
    });
  }

  wire(transport: Transport): Transport {
    return (request, signal) => (this.isDead ? forEver() : this.#heard(transport(request, signal)));
  }

  database(real: Database): Database {
    const ask = async <T>(text: string, query: () => Promise<T>): Promise<T> => {
      const fate = this.fate(++this.statements, text);
      const broken = (code: string, message: string) =>
        storeTrouble(Object.assign(new Error(message), { code }), real.where);
      switch (fate.kind) {
        case 'true':
          return await query();
        case 'unheard':
          throw broken('ECONNRESET', 'read ECONNRESET');
        case 'unanswered':
          await query();
          throw broken('ECONNRESET', 'read ECONNRESET');
        case 'slow': {
          const rows = await query();
          await systemClock.sleep(fate.ms);
          return rows;
        }
        case 'late':
          void systemClock.sleep(GIVEN_UP_MS + fate.ms).then(() => query().catch(() => undefined));
          await systemClock.sleep(GIVEN_UP_MS);
          throw broken('', 'Query read timeout');
      }
    };
    const hear = <T>(text: string, query: () => Promise<T>): Promise<T> =>
      this.isDead ? forEver() : this.#heard(ask(text, query));
    return {
      where: real.where,
      isHere: real.isHere,
      access: real.access,
      query: (text, values = []) => hear(text, () => real.query(text, values)),
      bytes: (text, values) => hear(text, () => real.bytes(text, values)),
      transaction: (work) => real.transaction(work),
      [Symbol.asyncDispose]: async () => {},
    };
  }

  async #heard<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } finally {
      while (this.#standing !== undefined) await this.#standing;
      if (this.isDead) await forEver();
    }
  }
}

function forEver(): Promise<never> {
  return new Promise(() => {});
}
