import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { COMMAND } from '../support/command.ts';
import { script } from './script.ts';

const { imageFormat, withoutCertificate } = await script<{
  imageFormat: (bytes: Buffer) => string;
  withoutCertificate: (bytes: Buffer) => Buffer;
}>('image-format');

const MARK = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:';
const PROGRAM = 'countermand: the program cannot be loaded';

/** The beginning of a program of 64 bits for Windows, with a directory of certificates. */
function windows(machine: number): Buffer {
  const bytes = Buffer.alloc(512);
  bytes.write('MZ', 0, 'latin1');
  bytes.writeUInt32LE(0x80, 0x3c);
  bytes.write('PE\0\0', 0x80, 'latin1');
  bytes.writeUInt16LE(machine, 0x84);
  bytes.fill(1, 0x80 + 24 + 112, 0x80 + 24 + 112 + 16 * 8);
  return bytes;
}

function macos(cpu: number): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.writeUInt32LE(0xfeedfacf, 0);
  bytes.writeUInt32LE(cpu, 4);
  return bytes;
}

const with_ = (head: Buffer, ...texts: string[]) => Buffer.concat([head, Buffer.from(texts.join('\0'))]);

test.each<[string, Buffer]>([
  ['windows-x64 with a program in it', with_(windows(0x8664), `${MARK}1`, PROGRAM)],
  ['windows-x64 without a program', with_(windows(0x8664), `${MARK}0`, PROGRAM)],
  ['windows-x64 without a program', with_(windows(0x8664), `${MARK}1`)],
  ['another Windows with a program in it', with_(windows(0xaa64), `${MARK}1`, PROGRAM)],
  ['macos-arm64 with a program in it', with_(macos(0x0100000c), `${MARK}1`, PROGRAM)],
  ['macos-x64 with a program in it', with_(macos(0x01000007), `${MARK}1`, PROGRAM)],
  ['no executable without a program', Buffer.from('#!/bin/sh\n')],
])('an executable is told by its bytes: %s', (expected, bytes) => {
  expect(imageFormat(bytes)).toBe(expected);
});

test('an executable that was made is told from the Node that made it', async () => {
  expect(imageFormat(await readFile(COMMAND[0]))).toBe('linux-x64 with a program in it');
  expect(imageFormat(await readFile(process.execPath))).toBe('linux-x64 without a program');
});

test('an executable for Windows loses the entry of its certificate, and no other byte', () => {
  const before = windows(0x8664);
  const after = withoutCertificate(before);
  const entry = 0x80 + 24 + 112 + 4 * 8;
  expect(after.subarray(entry, entry + 8)).toEqual(Buffer.alloc(8));
  before.fill(0, entry, entry + 8);
  expect(after).toEqual(before);
});
