import type { RunStatus } from '../../report/facts/run-status.ts';
import { jsonDocument, jsonLine, statusDocument } from '../../report/json.ts';
import type { Context } from '../../run/console.ts';
import { type StatusBoard, statusReader } from '../../run/status.ts';
import { styled } from '../../styled.ts';
import type { Command } from '../command.ts';
import { settingOptions } from '../flags/setting-flags.ts';
import { watch } from '../terminal/watch.ts';
import { statusText } from '../views/status-text.ts';

export const status: Command = {
  usage: 'status [runs..]',
  describe:
    'Shows every run of a folder: planned, running and by whom, interrupted, halted, finished or corrupt; how far it is, when it will be over, and ' +
    'the command that continues it. Takes no lock, writes nothing and sends nothing. Exits 0, or 12 when a ledger is corrupt.',
  positionals: {
    runs: { describe: 'ledgers, or folders of them; without any, the folder `ledgers` here', array: true },
  },
  options: () => ({
    ...settingOptions(['store']),
    watch: { describe: 'again every 2 s, until Ctrl-C', type: 'boolean', default: false },
    json: {
      describe: 'one JSON document on stdout; with --watch, one a line',
      type: 'boolean',
      default: false,
    },
  }),
  examples: [
    ['status', 'what is running, and what is left?'],
    ['status --watch', 'follow it'],
    ['status ledgers/incident.jsonl --json', 'one run, for a program'],
  ],
  run: async (args, context) => {
    const read = statusReader(((args['runs'] ?? []) as unknown[]).map(String), context);
    const json = args['json'] === true;
    const tell = json ? sayOnce(context) : () => undefined;
    const look = async () => {
      const board = await read();
      tell(board);
      return board;
    };
    if (args['watch'] === true) {
      await watch(look, json ? ({ runs }) => jsonLine(statusDocument(runs)) : statusText, {
        ...context,
        redraws: !json,
      });
      return 0;
    }
    const board = await look();
    context.out(styled(json ? jsonDocument(statusDocument(board.runs)) : statusText(board, context.terminal)));
    await context.delivered();
    return board.runs.some(isCorrupt) ? 12 : 0;
  },
};

function isCorrupt({ state }: RunStatus): boolean {
  return state === 'corrupt';
}

/** A document has no place for what is no run: it is said beside it, once. */
function sayOnce({ say }: Context): (board: StatusBoard) => void {
  const said = new Set<string>();
  return ({ passedOver }) => {
    for (const sentence of passedOver) {
      if (!said.has(sentence)) say(`warning: passed over: ${sentence}\n`);
      said.add(sentence);
    }
  };
}
