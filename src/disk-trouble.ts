const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not do that there',
  EPERM: 'this user may not do that there',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: "this user's part of the disk is full",
  EIO: 'the disk failed',
  EISDIR: 'a folder has that name',
  ENAMETOOLONG: 'the name is too long',
  ELOOP: 'its links lead in a circle',
};

/** What the file system's error says, for a sentence about the file that was to be written: why, and Node's code for whoever looks it up. */
export function troubleInWords(error: Error): string {
  const { code, path } = error as NodeJS.ErrnoException;
  if (code === undefined) return error.message;
  const inTheWay = code === 'EEXIST' || code === 'ENOTDIR';
  const words = inTheWay ? `${path ?? 'what stands there'} is a file and not a folder` : WORDS[code];
  return words === undefined ? error.message : `${words}, ${code}`;
}
