import type { Tape } from '../../ledger/tape.ts';
import type { Logger } from '../../log.ts';
import type { AppendFile } from './disk.ts';
import type { OwnFile } from './own-file.ts';

export interface FolderTapeParts {
  file: Pick<AppendFile, 'write' | 'datasync' | 'close'>;
  own: Pick<OwnFile, 'assertUntouched' | 'look' | 'isNameless' | 'keep'>;
  /** Throws when a lock is lost; asked before each write, since a disk may take one in many pieces. */
  assertFresh(): void;
  /** What tells a kept file from others, should this one lose its last name. */
  keptAs(): string;
  log: Logger;
}

/** A ledger's file, as long as it is ours: nothing is written behind bytes of somebody else, or after a write or sync that failed. */
export class FolderTape implements Tape {
  readonly #parts: FolderTapeParts;
  #failure: unknown;

  constructor(parts: FolderTapeParts) {
    this.#parts = parts;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const { file, own, assertFresh } = this.#parts;
    for (let rest = bytes; rest.length > 0; ) {
      if (this.#failure !== undefined) throw this.#failure;
      await own.assertUntouched();
      // Last, and at once before the write: who stood still in that look would write behind what a successor wrote since.
      assertFresh();
      const count = await file.write(rest);
      if (count <= 0) throw new Error('nothing was written');
      rest = rest.subarray(count);
    }
  }

  async datasync(): Promise<void> {
    try {
      await this.#parts.file.datasync();
    } catch (error) {
      this.#failure ??= error;
      throw error;
    }
  }

  assertFound(): Promise<void> {
    return this.#parts.own.look();
  }

  /** A file that lost its last name gets a new one first: what it holds would be lost with it. */
  async close(): Promise<void> {
    const { file, own, keptAs, log } = this.#parts;
    if (own.isNameless) await own.keep(keptAs(), log);
    await file.close();
  }
}
