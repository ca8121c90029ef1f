import type { CounterValue, PerfSyscalls } from '../perf-syscalls.ts';

/** What a machine that is not here does with one event: refuses it, or counts it by so much a section. */
export type FakeAnswer =
  | { readonly errno: number; readonly userOnlyErrno?: number }
  | (CounterValue & { readonly userOnly?: 'needed' });

export interface OpenedAttr {
  readonly type: number;
  readonly config: number;
  readonly isUserOnly: boolean;
  readonly isInherited: boolean;
}

/** System calls of a machine that is not here, and what they were asked. */
export interface FakeSyscalls extends PerfSyscalls {
  readonly opened: readonly OpenedAttr[];
  /** Descriptors that are open now. */
  readonly stillOpen: ReadonlySet<number>;
}

/**
 * Answers by `type:config`, `'*'` for all others. A counter starts at a large value, as after other sections, and grows
 * by its answer whenever it was enabled and disabled again.
 */
export function fakeSyscalls(answers: Readonly<Record<string, FakeAnswer>>): FakeSyscalls {
  const opened: OpenedAttr[] = [];
  const open = new Set<number>();
  const counters = new Map<number, { answer: CounterValue; sections: number; isEnabled: boolean }>();
  return {
    opened,
    stillOpen: open,
    open: (bytes) => {
      const attr = decodeAttr(bytes);
      opened.push(attr);
      const answer = answers[`${attr.type}:${attr.config}`] ?? answers['*'] ?? { errno: 2 };
      if ('errno' in answer) {
        return { errno: attr.isUserOnly ? (answer.userOnlyErrno ?? answer.errno) : answer.errno };
      }
      if (answer.userOnly === 'needed' && !attr.isUserOnly) return { errno: 13 };
      const fd = 100 + opened.length;
      open.add(fd);
      counters.set(fd, { answer, sections: 1, isEnabled: false });
      return { fd };
    },
    enable: (fd) => {
      counters.get(fd)!.isEnabled = true;
    },
    disable: (fd) => {
      const counter = counters.get(fd)!;
      if (counter.isEnabled) counter.sections++;
      counter.isEnabled = false;
    },
    read: (fd) => {
      const { answer, sections } = counters.get(fd)!;
      return {
        value: sections * answer.value,
        enabledNs: sections * answer.enabledNs,
        runningNs: sections * answer.runningNs,
      };
    },
    close: (fd) => void open.delete(fd),
  };
}

function decodeAttr(bytes: Uint8Array): OpenedAttr {
  const attr = Buffer.from(bytes);
  const flags = attr.readUInt32LE(40);
  return {
    type: attr.readUInt32LE(0),
    config: Number(attr.readBigUInt64LE(8)),
    isUserOnly: (flags & 0x20) !== 0,
    isInherited: (flags & 2) !== 0,
  };
}
