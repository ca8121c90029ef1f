import { closeSync, openSync, readSync, statSync } from 'node:fs';

/** What lies in a write-ahead log. */
export interface DatabaseLog {
  /** False where the log's own header is damaged, so that SQLite would take no frame of it. */
  readonly hasHeader: boolean;
  /** Frames up to the first that is not whole: what SQLite replays, if the last of them is a commit. */
  readonly frames: number;
  /** The database's `user_version` in each of these frames that holds the first page. */
  readonly versions: ReadonlySet<number>;
  /** Commits of the same log behind a frame that is not whole. */
  readonly commitsBehindDamage: number;
}

const headerBytes = 32;
const frameHeaderBytes = 24;
/** The lowest bit says that checksums are over big-endian words. */
const magics = [0x377f0682, 0x377f0683];
/** Of `user_version` in the first page. */
const versionOffset = 60;

/**
 * Reads a write-ahead log as SQLite does when it recovers; undefined where there is none or nothing in it. Source:
 * "Database File Format", 4: the WAL format and its checksum.
 */
export function readLog(path: string): DatabaseLog | undefined {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size === 0) return undefined;
  const descriptor = openSync(path, 'r');
  try {
    return scan(descriptor, size);
  } finally {
    closeSync(descriptor);
  }
}

function scan(descriptor: number, size: number): DatabaseLog {
  const none = { frames: 0, versions: new Set<number>(), commitsBehindDamage: 0 };
  const header = Buffer.alloc(headerBytes);
  readSync(descriptor, header, 0, headerBytes, 0);
  const isBigEndian = header.readUInt32BE(0) === magics[1];
  const sums = new Checksum(isBigEndian);
  sums.add(header, 0, 24);
  if (!magics.includes(header.readUInt32BE(0)) || !sums.equals(header, 24))
    return { hasHeader: false, ...none };
  const salt = header.subarray(16, 24);
  const frame = Buffer.alloc(frameHeaderBytes + header.readUInt32BE(8));
  const versions = new Set<number>();
  let frames = 0;
  let isWhole = true;
  let commitsBehindDamage = 0;
  for (let at = headerBytes; at + frame.length <= size; at += frame.length) {
    readSync(descriptor, frame, 0, frame.length, at);
    // Frames of an earlier round of the log, not yet written over.
    if (!frame.subarray(8, 16).equals(salt)) {
      isWhole = false;
      continue;
    }
    if (isWhole) {
      sums.add(frame, 0, 8);
      sums.add(frame, frameHeaderBytes, frame.length);
      isWhole = sums.equals(frame, 16);
    }
    if (!isWhole) {
      if (frame.readUInt32BE(4) > 0) commitsBehindDamage++;
      continue;
    }
    frames++;
    if (frame.readUInt32BE(0) === 1) versions.add(frame.readUInt32BE(frameHeaderBytes + versionOffset));
  }
  return { hasHeader: true, frames, versions, commitsBehindDamage };
}

/** Two sums modulo 2³² that run through the whole log. */
class Checksum {
  readonly #isBigEndian: boolean;
  #a = 0;
  #b = 0;

  constructor(isBigEndian: boolean) {
    this.#isBigEndian = isBigEndian;
  }

  add(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to; at += 8) {
      this.#a = (this.#a + this.#word(bytes, at) + this.#b) >>> 0;
      this.#b = (this.#b + this.#word(bytes, at + 4) + this.#a) >>> 0;
    }
  }

  /** The stored sums are big-endian whatever the words are. */
  equals(bytes: Buffer, at: number): boolean {
    return bytes.readUInt32BE(at) === this.#a && bytes.readUInt32BE(at + 4) === this.#b;
  }

  #word(bytes: Buffer, at: number): number {
    return this.#isBigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at);
  }
}
