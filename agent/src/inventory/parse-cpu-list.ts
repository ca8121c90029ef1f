/** The processors that a kernel list names: `0-3,8` is [0, 1, 2, 3, 8]. Malformed pieces are left out. */
export function parseCpuList(list: string): number[] {
  return list.split(',').flatMap((piece) => {
    const match = /^\s*(\d+)(?:-(\d+))?\s*$/.exec(piece);
    if (!match) return [];
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
  });
}

/** How many processors a kernel bit map names: `00000000,0000000f` is 4. */
export function countCpuMap(map: string): number {
  const bits = [...map.replaceAll(',', '').trim()].map((digit) => Number.parseInt(digit, 16));
  return bits.reduce((total, digit) => total + digit.toString(2).replaceAll('0', '').length, 0);
}
