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

/** Whether an environment variable looks like one that holds a secret, and so must not be copied into a job. */
export function isSecretVariable(name: string): boolean {
  const upper = name.toUpperCase();
  return (
    SECRET_VARIABLES.some((variable) => upper === variable || upper === `${variable}_FILE`) ||
    /SECRET|PASSW(OR)?D|TOKEN|PRIVATE_?KEY|API_?KEY|CREDENTIAL/.test(upper)
  );
}
