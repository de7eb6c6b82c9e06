import { DiskError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { AppendFile, Disk } from './disk.ts';

export interface OwnFileParts {
  /** Its real path. */
  path: string;
  disk: Disk;
  file: AppendFile;
  /** Of the open file. */
  identity: string;
}

/**
 * The ledger's open file, watched for what other programs do to it while a run uses it: an editor or `sed -i` puts another file under its
 * name, `mv` and `rm` take the name away, `cp` and `truncate` take its content. Two looks tell:
 *
 * - before each send, whether the path still leads to the open file, and whether that still has all that was written to it;
 * - before each write, whether the open file ends where our last write ended. Nothing is written behind bytes of somebody else.
 *
 * Once replaced it stays so. A file that lost its last name is nobody's but ours: replies still go there, and {@link OwnFile.keep} gives it a new
 * name. One that was moved or rewritten may be worked on by others, and gets nothing more.
 */
export class OwnFile {
  readonly #parts: OwnFileParts;
  #replaced: DiskError | undefined;
  #isNameless = false;

  constructor(parts: OwnFileParts) {
    this.#parts = parts;
  }

  get isReplaced(): boolean {
    return this.#replaced !== undefined;
  }

  /** Whether it lost its last name, so that closing it would lose it. */
  get isNameless(): boolean {
    return this.#isNameless;
  }

  /** Throws the DiskError that {@link look} or {@link assertUntouched} has thrown before. */
  assertNotReplaced(): void {
    if (this.#replaced !== undefined) throw this.#replaced;
  }

  /** Throws a DiskError when the path does not lead to the open file any more, or that is shorter than what was written. */
  async look(): Promise<void> {
    this.assertNotReplaced();
    const { path, disk, file, identity } = this.#parts;
    const least = file.size;
    const there = await disk.stat(path);
    if (there?.identity === identity) {
      if (there.size < least) this.#touched(there.size, least);
      return;
    }
    this.#isNameless = (await file.facts()).links === 0;
    throw this.#found(there === undefined ? 'was removed or moved away' : 'is another file now');
  }

  /** Throws a DiskError when the open file is longer or shorter than what was written. */
  async assertUntouched(): Promise<void> {
    if (this.#replaced !== undefined && !this.#isNameless) throw this.#replaced;
    const { file } = this.#parts;
    const { size } = await file.facts();
    if (size !== file.size) this.#touched(size, file.size);
  }

  /** Gives a file that lost its last name a new one beside it, so that what was sent stays known. What fails is logged. */
  async keep(name: string, log: Logger): Promise<void> {
    const { path, disk, file } = this.#parts;
    const kept = `${path}.kept-${name}`;
    try {
      const copy = await disk.openAppend(kept);
      try {
        if (copy.size > 0) throw new Error('there is such a file already');
        for await (const chunk of file.read()) await writeAll(copy, chunk);
        await copy.datasync();
      } finally {
        await copy.close();
      }
      log.warn(
        { kept },
        `the ledger of this run, with all that it has sent, is kept as ${kept}: its calls count against the quota; compare it with ${path} before you run again`,
      );
    } catch (error) {
      log.error({ err: error }, `the ledger of this run lost its name and could not be kept as ${kept}`);
    }
  }

  #touched(size: number, expected: number): never {
    this.#isNameless = false;
    throw this.#found(
      size < expected
        ? `has ${size} bytes, and ${expected} were written to it`
        : `has ${size - expected} bytes that this run did not write`,
    );
  }

  #found(what: string): DiskError {
    this.#replaced ??= new DiskError(
      `${this.#parts.path} ${what}: the ledger was replaced while the run was using it. Nothing more was sent; bring the run's own ledger back, then run again to resume.`,
    );
    return this.#replaced;
  }
}

async function writeAll(file: AppendFile, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0; ) {
    const count = await file.write(rest);
    if (count <= 0) throw new Error('nothing was written');
    rest = rest.subarray(count);
  }
}
