import { Scribe, wholeLines } from './ledger-text.ts';
import type { Random } from './seed.ts';
import type { Tampering } from './session-faults.ts';
import type { WorldState } from './state.ts';

/** Does it, durably and at once. What stands in no file any more is noted as forgotten: no program can know of it. */
export function tamper(state: WorldState, path: string, how: Tampering, random: Random): void {
  const { disk } = state;
  const inode = disk.entries.get(path);
  const bytes = disk.bytes(path);
  if (inode === undefined || bytes === undefined || bytes.length === 0) return;
  const lines = wholeLines(bytes);
  const older = () => {
    const kept = lines.slice(0, random.int(1, Math.max(1, lines.length - 1)));
    return Buffer.from(kept.map((line) => `${line}\n`).join(''));
  };
  state.trace.add(`by hand: ${path} ${how}`);
  switch (how) {
    case 'same-bytes':
      disk.putByHand(path, Buffer.from(bytes));
      break;
    case 'older-copy':
      disk.putByHand(path, older());
      break;
    case 'copied-back': {
      const copy = older();
      // The copy is no older: the same bytes in the same file are no change that anybody could see.
      if (copy.equals(bytes)) return;
      disk.rewriteByHand(inode, copy);
      break;
    }
    case 'cut':
      disk.rewriteByHand(inode, Buffer.from(bytes.subarray(0, random.int(0, bytes.length - 1))));
      break;
    case 'removed':
      disk.unlinkByHand(path);
      break;
    case 'other-file':
      disk.putByHand(path, Buffer.from('shopping list\n- milk\n- bread\n'));
      break;
  }
  const after = disk.entries.get(path);
  // A copy of what is no ledger is none either.
  const isForeign = how === 'other-file' || state.files.foreign.has(inode);
  if (isForeign && after !== undefined) state.files.foreign.add(after);
  // An empty file is anybody's to begin a ledger in.
  if (after?.length === 0) state.files.foreign.delete(after);
  state.files.swapped(path, inode, how !== 'same-bytes');
}

/** Somebody who knows how the chain is made changes a plan after its review: more is in it than was seen, in the same file or in another. */
export function changePlan(state: WorldState, path: string, random: Random): void {
  const { disk } = state;
  const inode = disk.entries.get(path);
  const isOpen = [...state.workers.values()].some((worker) => worker.inode === inode && worker.process.exists);
  // From here on it is no plan any more.
  if (inode === undefined || isOpen || state.files.watchAt(path)?.hasStart === true) return;
  // What is no ledger is no plan either.
  if (state.files.foreign.has(inode)) return;
  const id = random.uuid();
  state.defender.add(id, { known: true, index: 20_000 });
  const scribe = new Scribe(disk.bytes(path));
  scribe.write('admit', { id, line: 9999 }, Date.now());
  // Without it the plan's source was not read to its end, which is refused whatever its head is.
  if (random.fork('whole').chance(0.8)) {
    scribe.write('intake', { admitted: 1, rejected: 0, bytes: 0, sha256: '0'.repeat(64) }, Date.now());
  }
  const swaps = random.chance(0.4);
  state.trace.add(`by hand: ${id.slice(0, 8)} is added to the plan ${path}${swaps ? ', in another file' : ''}`);
  if (swaps) disk.putByHand(path, scribe.bytes);
  else disk.rewriteByHand(inode, scribe.bytes);
  state.files.swapped(path, inode, false);
}
