/** As much as a ledger keeps of any free text of Defender's; a longer comment would not fit beside our stamp. UTF-16 units. */
export const MAX_COMMENT = 1024;

/** What stands for a comment in a command that is printed. Nobody means it: it would stand on every cancelled action. */
export const COMMENT_PLACEHOLDER = 'REASON';

/** C0 but tab and line ends (comments of several lines are common), DEL and C1. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;
const LONE_SURROGATE = /\p{Cs}/u;
/** A letter, a digit, a sign: what is left without them cannot be seen. */
const VISIBLE = /[\p{L}\p{N}\p{P}\p{S}]/u;

/**
 * What keeps a text from being the comment of a cancel, completing "the comment …"; undefined when nothing does. The one rule for a flag, a job
 * file, a CSV's column and what a ledger says.
 */
export function commentFault(text: string): string | undefined {
  if (text.length > MAX_COMMENT) return `is longer than ${MAX_COMMENT} characters`;
  if (CONTROL.test(text)) return 'holds a control character';
  if (text.trim() === COMMENT_PLACEHOLDER)
    return `is still the placeholder ${COMMENT_PLACEHOLDER}: say why the actions are cancelled`;
  if (LONE_SURROGATE.test(text)) return 'holds half of a character';
  return VISIBLE.test(text) ? undefined : 'is empty: it holds nothing that can be seen';
}
