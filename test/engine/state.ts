import { Projection } from '../../src/ledger/state/projection.ts';
import { Script } from '../report/records.ts';
import { ids } from './run.ts';

/** A ledger's state as its records make it, so many actions admitted and started. More may be told. */
export class Told {
  readonly state = new Projection();
  readonly script = new Script().open();
  #told = 0;

  /** `priorities`: of the n-th, from 1. */
  constructor(count: number, priorities: Readonly<Record<number, number>> = {}) {
    for (const [index, id] of ids(count).entries()) {
      const priority = priorities[index + 1];
      this.script.add('admit', { id, line: index + 1, ...(priority === undefined ? {} : { priority }) });
    }
    this.script.add('intake', { admitted: count, rejected: 0, bytes: 1, sha256: '' });
    this.tell((script) => script.add('start', { by: 'yes', count }));
  }

  tell(more: (script: Script) => unknown): this {
    more(this.script);
    for (const record of this.script.records.slice(this.#told)) this.state.apply(record, Date.parse(record.at));
    this.#told = this.script.records.length;
    return this;
  }
}
