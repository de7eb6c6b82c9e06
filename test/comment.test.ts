import { describe, expect, test } from 'vitest';
import { commentFault, MAX_COMMENT } from '../src/comment.ts';

describe('a comment', () => {
  test.each([
    'INC-4711: rule misfired',
    'two\nlines\r\n\tindented',
    'Für Zoë: "zurück" 🚒',
    '撤回',
    '‏בוטל',
    '?',
    'REASON: INC-4711',
    'reason',
    'x'.repeat(MAX_COMMENT),
  ])('a comment may be %j', (text) => {
    expect(commentFault(text)).toBeUndefined();
  });

  test.each([
    ['', /nothing that can be seen/],
    [' \n\t ', /nothing that can be seen/],
    ['\u200b\u2060', /nothing that can be seen/],
    ['x'.repeat(MAX_COMMENT + 1), /longer than 1024/],
    ['a\u0000b', /control character/],
    ['\u001b[1A', /control character/],
    ['a\u007fb', /control character/],
    ['a\u009b2J', /control character/],
    ['REASON', /still the placeholder/],
    [' REASON\n', /still the placeholder/],
    ['a\ud800', /half of a character/],
    ['\udc00a', /half of a character/],
  ])('a comment may not be %j', (text, why) => {
    expect(commentFault(text)).toMatch(why);
  });
});
