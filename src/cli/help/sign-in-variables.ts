import { CREDENTIAL_ORDER } from '../../identity/find-credential.ts';
import { paragraph, type Row, twoColumns } from './layout.ts';

/** The variables of the credentials, by name, in the order in which they count. */
export function signInVariables(): string {
  const rows = CREDENTIAL_ORDER.map(({ kind, variables, beside, onlyWhenAsked }, at): Row => {
    const names = variables.map((each) => each.join(' and ')).join(', or ');
    const more = beside === undefined ? '' : `, and ${beside}`;
    return [
      onlyWhenAsked ? `-  ${kind}` : `${at + 1}. ${kind}`,
      onlyWhenAsked ? `no variable: only --auth ${kind} asks for it` : `${names}${more}`,
    ];
  });
  const inFile = CREDENTIAL_ORDER.flatMap(({ variables, beside = [], inFile }) => [
    ...(inFile ? variables.flat() : []),
    ...[beside].flat(),
  ]);
  return [
    paragraph('The first of these that is set counts, unless --auth names a kind:', '  '),
    twoColumns(rows),
    paragraph(
      `${inFile.join(', ')}: or the same name with _FILE, for the path of a file that holds it. Secrets are never flags.`,
      '  ',
    ),
  ].join('\n');
}
