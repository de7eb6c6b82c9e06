// The library of the certificates wants it before its own first line.
import 'reflect-metadata';

import { KeyObject, randomUUID, webcrypto } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  BasicConstraintsExtension,
  type Extension,
  type JsonGeneralNames,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

// Certificates are made in the test run, so that none in the repository can run out, and without any command that a machine may lack.

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  publicExponent: new Uint8Array([1, 0, 1]),
  modulusLength: 2048,
};
const DAY_MS = 86_400_000;

type KeyPair = webcrypto.CryptoKeyPair;

interface Wanted {
  /** As in `CN=localhost`. */
  subject: string;
  keys: KeyPair;
  extensions?: Extension[];
  /** Who signs it. @default itself */
  issuer?: { subject: string; keys: KeyPair };
  /** Epoch ms. @default from a minute ago, for two days */
  validMs?: readonly [from: number, to: number];
}

async function keysOf(algorithm: typeof EC | typeof RSA): Promise<KeyPair> {
  return (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as KeyPair;
}

function signed({
  subject,
  keys,
  extensions = [],
  issuer = { subject, keys },
  validMs,
}: Wanted): Promise<X509Certificate> {
  const [from, to] = validMs ?? [Date.now() - 60_000, Date.now() + 2 * DAY_MS];
  return X509CertificateGenerator.create({
    subject,
    issuer: issuer.subject,
    notBefore: new Date(from),
    notAfter: new Date(to),
    publicKey: keys.publicKey,
    signingKey: issuer.keys.privateKey,
    signingAlgorithm: { name: issuer.keys.privateKey.algorithm.name, hash: 'SHA-256' },
    extensions,
  });
}

/** PKCS#8 in PEM, encrypted where a passphrase is given. */
function pemOf({ privateKey }: KeyPair, passphrase?: string): string {
  const lock = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase };
  return String(KeyObject.from(privateKey).export({ type: 'pkcs8', format: 'pem', ...lock }));
}

export interface ServerCertificate {
  /** The CA's file, for NODE_EXTRA_CA_CERTS. */
  caFile: string;
  keyFile: string;
  certFile: string;
}

const HERE: JsonGeneralNames = [
  { type: 'dns', value: 'localhost' },
  { type: 'ip', value: '127.0.0.1' },
  { type: 'ip', value: '::1' },
];

/** A CA of its own, and a certificate of it, for localhost, 127.0.0.1 and ::1 unless other names are given. */
export async function makeServerCertificate(dir: string, name = 'server', names = HERE): Promise<ServerCertificate> {
  const file = (end: string) => join(dir, `${name}-${end}`);
  // No two of one name: whoever trusts both would take the one's key for the other's.
  const issuer = { subject: `CN=countermand test CA ${randomUUID()}`, keys: await keysOf(EC) };
  const usage = KeyUsageFlags.keyCertSign | KeyUsageFlags.digitalSignature;
  const ca = await signed({
    ...issuer,
    extensions: [new BasicConstraintsExtension(true, undefined, true), new KeyUsagesExtension(usage, true)],
  });
  const keys = await keysOf(EC);
  const certificate = await signed({
    subject: 'CN=localhost',
    keys,
    issuer,
    extensions: [new BasicConstraintsExtension(false, undefined, true), new SubjectAlternativeNameExtension(names)],
  });
  const paths = { caFile: file('ca.pem'), keyFile: file('key.pem'), certFile: file('cert.pem') };
  await writeFile(paths.caFile, `${ca.toString('pem')}\n`);
  await writeFile(paths.keyFile, pemOf(keys));
  await writeFile(paths.certFile, `${certificate.toString('pem')}\n`);
  return paths;
}

export interface ClientCertificate {
  certFile: string;
  /** PKCS#8, not encrypted. */
  keyFile: string;
  /** The same key, encrypted with `passphrase`. */
  encryptedKeyFile: string;
  passphrase: string;
}

/** A self-signed certificate of an application, valid for two days, or in January 2020 when `expired`. */
export async function makeClientCertificate(
  dir: string,
  name: string,
  { expired = false } = {},
): Promise<ClientCertificate> {
  const file = (end: string) => join(dir, `${name}-${end}`);
  const passphrase = `passphrase of ${name}`;
  const paths = { keyFile: file('key.pem'), certFile: file('cert.pem'), encryptedKeyFile: file('key-encrypted.pem') };
  const keys = await keysOf(RSA);
  const past = [Date.UTC(2020, 0, 1), Date.UTC(2020, 1, 1)] as const;
  const certificate = await signed({ subject: `CN=${name}`, keys, ...(expired ? { validMs: past } : {}) });
  await writeFile(paths.certFile, `${certificate.toString('pem')}\n`);
  await writeFile(paths.keyFile, pemOf(keys));
  await writeFile(paths.encryptedKeyFile, pemOf(keys, passphrase));
  return { ...paths, passphrase };
}
