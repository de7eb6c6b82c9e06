import { campaignStatus } from '../../report/facts/campaign-status.ts';
import { needsLook } from '../../report/facts/schedule-status.ts';
import { jsonDocument, jsonLine, statusDocument } from '../../report/json.ts';
import type { Context } from '../../run/console.ts';
import { type StatusBoard, statusReader } from '../../run/status.ts';
import { isShared } from '../../store/network-store.ts';
import { styled } from '../../styled.ts';
import type { Command } from '../command.ts';
import { settingOptions } from '../flags/setting-flags.ts';
import { watch } from '../terminal/watch.ts';
import { statusText } from '../views/status-text.ts';

export const status: Command = {
  usage: 'status [runs..]',
  describe:
    'Shows every run of a folder: planned, running and by whom, interrupted, halted, finished or corrupt; how far it is, when it will be over, and ' +
    'the command that continues it. With a store also which runs wait for a worker, which are dead letters and why, and the schedules with their next turns. Takes no lock, writes nothing and sends nothing. Exits 0, 3 when there is a dead letter or a schedule whose last turn was refused, or 12 when a ledger is corrupt.',
  positionals: {
    runs: {
      describe:
        'ledgers (files, or names as it shows them), or folders of them; without any, the folder `ledgers` here',
      array: true,
    },
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
    const { storeWords } = context;
    const places = ((args['runs'] ?? []) as unknown[]).map(String);
    const read = statusReader(places, context);
    const ofAll = places.length === 0;
    // The queue's client is loaded only where there can be one.
    await using queue = isShared(context.store)
      ? await (await import('../../fleet/board.ts')).openQueueBoard(context.store, context.log, { storeWords, ofAll })
      : undefined;
    const json = args['json'] === true;
    const tell = json ? sayOnce(context) : () => undefined;
    const look = async () => {
      const ledgers = await read();
      const { campaign: name, ...board } = queue === undefined ? ledgers : await queue.add(ledgers);
      tell(board);
      return { ...board, campaign: name === undefined ? undefined : campaignStatus(name, board, context.storeWords) };
    };
    if (args['watch'] === true) {
      await watch(look, json ? (board) => jsonLine(statusDocument(board)) : statusText, {
        ...context,
        redraws: !json,
      });
      return 0;
    }
    const board = await look();
    context.out(styled(json ? jsonDocument(statusDocument(board)) : statusText(board, context.terminal)));
    await context.delivered();
    if (board.runs.some(({ state }) => state === 'corrupt')) return 12;
    const isForSomebody = board.runs.some(({ state }) => state === 'dead-letter') || board.schedules?.some(needsLook);
    return isForSomebody ? 3 : 0;
  },
};

/** A document has no place for what is no run: it is said beside it, once. */
function sayOnce({ say }: Context): (board: Pick<StatusBoard, 'passedOver'>) => void {
  const said = new Set<string>();
  return ({ passedOver }) => {
    for (const sentence of passedOver) {
      if (!said.has(sentence)) say(`warning: passed over: ${sentence}\n`);
      said.add(sentence);
    }
  };
}
