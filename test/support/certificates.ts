import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Certificates are made in the test run by the `openssl` command, so that none in the repository can run out. */
async function openssl(dir: string, ...args: string[]): Promise<void> {
  await run('openssl', args, { cwd: dir });
}

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export interface ServerCertificate {
  /** The CA's file, for NODE_EXTRA_CA_CERTS. */
  caFile: string;
  keyFile: string;
  certFile: string;
}

/** A CA of its own, and a certificate of it, for localhost, 127.0.0.1 and ::1 unless other names are given. */
export async function makeServerCertificate(
  dir: string,
  name = 'server',
  names = 'DNS:localhost,IP:127.0.0.1,IP:::1',
): Promise<ServerCertificate> {
  const file = (end: string) => join(dir, `${name}-${end}`);
  await openssl(
    dir,
    'req',
    '-x509',
    ...EC,
    '-keyout',
    file('ca.key'),
    '-out',
    file('ca.pem'),
    '-days',
    '2',
    '-subj',
    '/CN=countermand test CA',
    '-addext',
    'keyUsage=critical,keyCertSign,digitalSignature',
  );
  await openssl(
    dir,
    'req',
    '-x509',
    ...EC,
    '-keyout',
    file('key.pem'),
    '-out',
    file('cert.pem'),
    '-days',
    '2',
    '-subj',
    '/CN=localhost',
    '-CA',
    file('ca.pem'),
    '-CAkey',
    file('ca.key'),
    '-addext',
    'basicConstraints=critical,CA:FALSE',
    '-addext',
    `subjectAltName=${names}`,
  );
  return { caFile: file('ca.pem'), keyFile: file('key.pem'), certFile: file('cert.pem') };
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
  const subject = ['-subj', `/CN=${name}`];
  const newKey = ['-newkey', 'rsa:2048', '-nodes', '-keyout', paths.keyFile];
  if (expired) {
    // `req -x509` makes no certificate that is over already; `ca` does.
    await openssl(dir, 'req', '-new', ...newKey, '-out', file('request.pem'), ...subject);
    await writeFile(file('index.txt'), '');
    await writeFile(
      file('ca.cnf'),
      `[ca]\ndefault_ca=d\n[d]\ndatabase=${file('index.txt')}\nnew_certs_dir=${dir}\ndefault_md=sha256\npolicy=p\nrand_serial=yes\n[p]\ncommonName=supplied\n`,
    );
    await openssl(
      dir,
      'ca',
      '-batch',
      '-selfsign',
      '-config',
      file('ca.cnf'),
      '-keyfile',
      paths.keyFile,
      '-in',
      file('request.pem'),
      '-out',
      paths.certFile,
      '-notext',
      '-startdate',
      '20200101000000Z',
      '-enddate',
      '20200201000000Z',
    );
  } else {
    await openssl(dir, 'req', '-x509', ...newKey, '-out', paths.certFile, '-days', '2', ...subject);
  }
  await openssl(
    dir,
    'pkcs8',
    '-topk8',
    '-in',
    paths.keyFile,
    '-out',
    paths.encryptedKeyFile,
    '-passout',
    `pass:${passphrase}`,
  );
  return { ...paths, passphrase };
}
