import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { RefusedError, UsageError } from '../../errors.ts';
import type { CredentialSource, Env, SignInParts } from '../credential-source.ts';
import { loadMsal, msalConfiguration, NO_REGION, signIn } from '../msal.ts';
import { readSecret, readSecretFile } from '../secret-value.ts';

const PATH = 'AZURE_CLIENT_CERTIFICATE_PATH';
const KEY_PATH = 'AZURE_CLIENT_CERTIFICATE_KEY_PATH';
const PASSWORD = 'AZURE_CLIENT_CERTIFICATE_PASSWORD';

/**
 * An application's certificate: PEM, certificate (and chain) and private key in the file of
 * `AZURE_CLIENT_CERTIFICATE_PATH`, or the key in the file of `AZURE_CLIENT_CERTIFICATE_KEY_PATH`; a passphrase in
 * `AZURE_CLIENT_CERTIFICATE_PASSWORD`. The files are read anew at each sign-in, so a renewed certificate is used as soon as it is there.
 */
export function certificateSource(parts: SignInParts): CredentialSource {
  return {
    kind: 'certificate',
    interactive: false,
    async acquire({ claims }, signal) {
      const { secrets, ...clientCertificate } = await loadCertificate(parts.env, parts.clock.wallMs());
      const { ConfidentialClientApplication } = await loadMsal();
      return signIn(parts, { kind: 'certificate', from: PATH, secrets, signal }, () => {
        const app = new ConfidentialClientApplication(msalConfiguration(parts.target, { clientCertificate }));
        return app.acquireTokenByClientCredential({
          scopes: [parts.target.scope],
          skipCache: true,
          azureRegion: NO_REGION,
          ...(claims === undefined ? {} : { claims }),
        });
      });
    },
  };
}

interface LoadedCertificate {
  /** SHA-256 of the DER certificate, 64 hex digits. */
  thumbprintSha256: string;
  /** PKCS#8 PEM, no longer encrypted. */
  privateKey: string;
  /** The certificate and what the file holds of its chain, leaf first, PEM. */
  x5c: string;
  /** What must never show. */
  secrets: readonly string[];
}

/** Reads and checks the certificate. Throws a RefusedError that names the file and what is wrong with it. */
async function loadCertificate(env: Env, nowMs: number): Promise<LoadedCertificate> {
  const path = env[PATH];
  if (!path)
    throw new UsageError(
      `--auth certificate needs ${PATH}, which is not set; name a PEM file with certificate and key`,
    );
  const text = await readSecretFile(path, PATH);
  const keyPath = env[KEY_PATH];
  const keyText = keyPath ? await readSecretFile(keyPath, KEY_PATH) : text;
  const [keyFile, keyFrom] = keyPath ? [keyPath, KEY_PATH] : [path, PATH];
  const password = await readSecret(env, PASSWORD);

  const certificates = certificatesOf(text, path);
  const key = privateKeyOf(keyText, password?.value, keyFile, keyFrom);
  const leaf = certificates.find((each) => each.checkPrivateKey(key));
  if (leaf === undefined) {
    throw new RefusedError(
      `the key in ${keyFile} does not belong to the certificate in ${path}; put the two that belong together there`,
    );
  }
  const endsAt = new Date(leaf.validTo);
  if (endsAt.getTime() <= nowMs) {
    throw new RefusedError(
      `the certificate in ${path} expired at ${endsAt.toISOString()}; make a new one and upload its public part to the application`,
    );
  }
  const beginsAt = new Date(leaf.validFrom);
  // Authorities allow five minutes of difference between clocks.
  if (beginsAt.getTime() > nowMs + 300_000) {
    throw new RefusedError(
      `the certificate in ${path} is not valid before ${beginsAt.toISOString()}; check this machine's clock`,
    );
  }
  const privateKey = key.export({ type: 'pkcs8', format: 'pem' }).toString();
  return {
    thumbprintSha256: leaf.fingerprint256.replaceAll(':', ''),
    privateKey,
    x5c: [leaf, ...certificates.filter((each) => each !== leaf)].map((each) => each.toString()).join(''),
    secrets: [privateKey, keyText, ...(password === undefined ? [] : [password.value])],
  };
}

function certificatesOf(text: string, path: string): X509Certificate[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) {
    throw new RefusedError(
      `${path} holds no PEM certificate; a .pfx becomes one with: openssl pkcs12 -in FILE.pfx -nodes -out FILE.pem`,
    );
  }
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    throw new RefusedError(`${path} holds a certificate that cannot be read; export it again as PEM`);
  }
}

function privateKeyOf(text: string, passphrase: string | undefined, path: string, from: string): KeyObject {
  const block = /-----BEGIN ((?:ENCRYPTED |RSA |EC )?PRIVATE KEY)-----[\s\S]+?-----END \1-----/.exec(text)?.[0];
  if (block === undefined) {
    throw new RefusedError(`${path} (${from}) holds no private key; add it there, or name its file in ${KEY_PATH}`);
  }
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: block, format: 'pem', ...(passphrase === undefined ? {} : { passphrase }) });
  } catch {
    const encrypted = block.includes('ENCRYPTED');
    const remedy = !encrypted
      ? 'cannot be read; export it again as PEM'
      : passphrase === undefined
        ? `is encrypted; give its passphrase in ${PASSWORD} or ${PASSWORD}_FILE`
        : `does not open with the passphrase in ${PASSWORD}; correct the passphrase`;
    throw new RefusedError(`the private key in ${path} ${remedy}`);
  }
  if (key.asymmetricKeyType !== 'rsa') {
    throw new RefusedError(
      `the private key in ${path} is of type ${key.asymmetricKeyType}; Microsoft Entra takes RSA keys here, make a certificate with one`,
    );
  }
  return key;
}
