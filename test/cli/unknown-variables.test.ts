import { expect, test } from 'vitest';
import { unknownVariables } from '../../src/cli/unknown-variables.ts';

test('a misspelt variable is told, with the one that was meant', () => {
  expect(unknownVariables({ COUNTERMAND_MAX_ACTION: '5' })).toEqual([
    'the variable COUNTERMAND_MAX_ACTION is not one that countermand knows, so it does nothing; did you mean COUNTERMAND_MAX_ACTIONS?',
  ]);
});

test('a variable that is like none of ours is told without a guess', () => {
  expect(unknownVariables({ COUNTERMAND_FAVOURITE_COLOUR: 'green' })[0]).not.toContain('did you mean');
});

test('our own variables, those of other programs and those that a cluster sets for a service are left alone', () => {
  const env = {
    COUNTERMAND_MAX_ACTIONS: '5',
    COUNTERMAND_TOKEN_FILE: '/run/secrets/token',
    COUNTERMAND_YES: 'true',
    COUNTERMAND_SERVICE_HOST: '10.0.0.1',
    COUNTERMAND_PORT: 'tcp://10.0.0.1:80',
    COUNTERMAND_PORT_80_TCP_PROTO: 'tcp',
    AZURE_TENANT_ID: 'contoso.com',
  };
  expect(unknownVariables(env)).toEqual([]);
});
