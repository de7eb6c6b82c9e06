// What an executable is, by its own bytes: for which system and processor it was made, and whether the program was put into it.

/** Node's mark of a single executable: what follows it says whether there is a program. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:';
/** Text of ours that stands in the blob as it is, and in no Node. */
const PROGRAM = 'countermand: the program cannot be loaded';

export function imageFormat(bytes) {
  const at = bytes.indexOf(FUSE);
  const isSet = at !== -1 && bytes[at + FUSE.length] === '1'.charCodeAt(0);
  const program = isSet && bytes.includes(PROGRAM) ? 'with a program in it' : 'without a program';
  return `${systemOf(bytes)} ${program}`;
}

function systemOf(bytes) {
  // ELF, 64 bits, little endian; e_machine.
  if (bytes.toString('latin1', 0, 6) === '\x7fELF\x02\x01')
    return bytes.readUInt16LE(18) === 0x3e ? 'linux-x64' : 'another Linux';
  // Mach-O, 64 bits; cputype.
  if (bytes.readUInt32LE(0) === 0xfeedfacf) {
    return { 16777223: 'macos-x64', 16777228: 'macos-arm64' }[bytes.readUInt32LE(4)] ?? 'another macOS';
  }
  // MZ; the offset of PE's header; its machine.
  if (bytes.toString('latin1', 0, 2) === 'MZ') {
    const header = bytes.readUInt32LE(0x3c);
    const isPe = bytes.toString('latin1', header, header + 4) === 'PE\0\0';
    return isPe && bytes.readUInt16LE(header + 4) === 0x8664 ? 'windows-x64' : 'another Windows';
  }
  return 'no executable';
}

/** The certificate of a Windows program no longer fits once a program was put into it: without the entry that leads to it, the file is one without. */
export function withoutCertificate(bytes) {
  const header = bytes.readUInt32LE(0x3c);
  // PE's optional header of 64 bits has its table of directories at 112; the certificates are the fifth.
  const entry = header + 24 + 112 + 4 * 8;
  return Buffer.concat([bytes.subarray(0, entry), Buffer.alloc(8), bytes.subarray(entry + 8)]);
}
