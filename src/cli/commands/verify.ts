import type { Verified } from '../../engine/verify.ts';
import { DamageError } from '../../errors.ts';
import { jsonDocument } from '../../report/json.ts';
import { textTable } from '../../report/table.ts';
import type { Console } from '../../run/console.ts';
import { readHead } from '../../run/head.ts';
import { verifySession } from '../../run/verify.ts';
import { styled } from '../../styled.ts';
import type { Command } from '../command.ts';
import { SETTINGS_OF, settingOptions } from '../flags/setting-flags.ts';
import { integrityText } from '../views/integrity-text.ts';

export const verify: Command = {
  usage: 'verify <ledger>',
  describe:
    "Checks the ledger's chain, looks up what is not final yet, records what Defender shows by now, and tells what changed. Cancels nothing.",
  positionals: { ledger: { describe: 'the ledger of a run or a plan' } },
  options: () => ({
    ...settingOptions(SETTINGS_OF.verify),
    offline: {
      describe: 'only check the chain; writes and sends nothing',
      type: 'boolean',
      default: false,
      head: 'The run',
    },
    head: {
      describe: 'the last chain value as it was noted; finds removed last lines',
      type: 'string',
      requiresArg: true,
      placeholder: 'HASH',
      head: 'The run',
    },
    json: { describe: 'one JSON document on stdout', type: 'boolean', default: false },
  }),
  examples: [
    ['verify ledgers/incident.jsonl', 'what became of the unconfirmed ones?'],
    ['verify old.jsonl --offline --head 3f2a90c1d4e5b6770b8a6c2f9e1d4a35', 'is it what was archived?'],
  ],
  run: (args, context) => {
    const { out, say } = context;
    const json = args['json'] === true;
    const offline = args['offline'] === true;
    const { ledger: path, head, ...flags } = args;
    const tell = json ? say : out;
    return verifySession(
      {
        ledger: String(path),
        flags,
        head: head === undefined ? undefined : readHead(head),
        json,
        showIntegrity: (checked) => {
          const { text, broken } = integrityText(String(path), checked);
          if (offline && json) {
            const { records, from, to, head, tornBytes, fault } = checked;
            out(styled(jsonDocument({ ledger: path, intact: !broken, records, from, to, head, tornBytes, fault })));
          } else if (!broken) tell(text);
          if (broken) throw new DamageError(text.trimEnd());
          return offline ? 'done' : 'go on';
        },
        showChanges: (verified) => tell(styled(changesText(verified, context))),
      },
      context,
    );
  },
};

function changesText(verified: readonly Verified[], { terminal }: Console): string {
  const changed = verified.filter(({ now }) => now !== undefined);
  const message = `${changed.length} of ${verified.length} actions that were not final are settled now.\n`;
  if (changed.length === 0) return message;
  const rows = changed.map(({ id, computer, was, now }) => [id, computer ?? '', was, now ?? '']);
  const columns = [{ head: 'Action' }, { head: 'Device' }, { head: 'Was' }, { head: 'Now' }];
  return `${message}${textTable(columns, rows, terminal)}\n`;
}
