import { MIN_LENGTH, SECRET_FILE_VARIABLES, SECRET_VALUE_VARIABLES } from '../identity/session-secrets.ts';

/**
 * Where secrets come from: the environment alone, or a file that a variable of the same name with `_FILE` names.
 * They are never flags or job keys, because both end up in process lists, shell histories and repositories.
 */
export const SECRET_VARIABLES = [
  'AZURE_CLIENT_SECRET',
  'AZURE_CLIENT_CERTIFICATE_PATH',
  'AZURE_CLIENT_CERTIFICATE_PASSWORD',
  'AZURE_FEDERATED_TOKEN_FILE',
  'COUNTERMAND_TOKEN',
] as const;

export type SecretVariable = (typeof SECRET_VARIABLES)[number];

/** What people call the secret when they try to give it as a flag or key, in lower case and without separators. */
const GUESSES: Readonly<Record<SecretVariable, readonly string[]>> = {
  AZURE_CLIENT_SECRET: [
    'secret',
    'clientsecret',
    'appsecret',
    'applicationsecret',
    'credential',
    'credentials',
    'apikey',
    'key',
  ],
  AZURE_CLIENT_CERTIFICATE_PATH: [
    'certificate',
    'certificatepath',
    'certificatefile',
    'clientcertificate',
    'cert',
    'pem',
    'privatekey',
  ],
  AZURE_CLIENT_CERTIFICATE_PASSWORD: ['password', 'passphrase', 'certificatepassword', 'certpassword'],
  AZURE_FEDERATED_TOKEN_FILE: ['federatedtoken', 'federatedtokenfile', 'tokenfile'],
  COUNTERMAND_TOKEN: ['token', 'accesstoken', 'bearertoken', 'bearer'],
};

/** The variable that holds the secret which a flag or key of this name would, or undefined when the name is not that of a secret. */
export function secretNamed(name: string): SecretVariable | undefined {
  const plain = name.toLowerCase().replace(/[^a-z0-9]/g, '');
  return SECRET_VARIABLES.find((variable) => {
    const own = variable.toLowerCase().replaceAll('_', '');
    return plain === own || plain === own.replace(/^azure|^countermand/, '') || GUESSES[variable].includes(plain);
  });
}

/** What to do instead of writing the secret down. */
export function secretAdvice(variable: SecretVariable): string {
  // Those two name a file already.
  if (/_(?:FILE|PATH)$/.test(variable)) return `set ${variable} in the environment to the path of its file`;
  return `set ${variable} in the environment, or ${variable}_FILE to the path of a file that holds it`;
}

/** What names of secrets have in them, whoever made them up. */
const SECRET_WORDS =
  /SECRET|PASSW(OR)?D|PASSPHRASE|TOKEN|CREDENTIAL|PRIVATE_?KEY|API_?KEY|CONNECTION_?STRING|WEBHOOK|AUTHORIZATION/;
/** The same for words that are a part of other words too: `PATH`, `MONKEY`, `PWD`. */
const SECRET_PARTS = /(?:^|_)(?:KEY|KEYS|PASS|PAT|JWT|BEARER|COOKIE|SAS|DSN|SIGNATURE)(?:_|$)|._PWD(?:_|$)|^PGPASS/;

/** Whether an environment variable looks like one that holds a secret, and so must not be copied into a job. */
export function isSecretVariable(name: string): boolean {
  const upper = name.toUpperCase();
  const isOurs = [...SECRET_VARIABLES, ...SECRET_VALUE_VARIABLES, ...SECRET_FILE_VARIABLES].some(
    (variable) => upper === variable || upper === `${variable}_FILE`,
  );
  return isOurs || SECRET_WORDS.test(upper) || SECRET_PARTS.test(upper);
}

/** Query parameters by which an address is a key by itself, as those of storage and of web hooks. */
const SECRET_PARAMETERS = /[?&;](?:sig|signature|key|code|token|access_token|api_?key|secret|password|pwd)=[^&\s]/i;

/** Why the value of a variable must not be copied into a job, whatever the variable is called; undefined when it may. Says nothing of the value. */
export function whySecret(value: string, env: Readonly<Record<string, string | undefined>>): string | undefined {
  const same = SECRET_VALUE_VARIABLES.find((name) => {
    const secret = env[name]?.trim() ?? '';
    return secret.length >= MIN_LENGTH && value.includes(secret);
  });
  if (same !== undefined) return `holds the secret of ${same}`;
  // With a scheme anywhere in it; without one, as a proxy may be written, when it is nothing else.
  if (/:\/\/[^/?#\s]*@/.test(value) || /^(?!mailto:)[^\s/@:]+:[^\s/@]+@[^\s/@]+$/i.test(value.trim())) {
    return 'holds an address with a user or password in it';
  }
  if (/:\/\//.test(value) && SECRET_PARAMETERS.test(value)) return 'holds an address with a key in it';
  return undefined;
}
