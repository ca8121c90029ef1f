/** `nobody` on most systems. */
const ordinaryId = 65534;

/**
 * Takes root's rights over files away from this process until it is disposed, since root may open what is read-only and
 * so hides faults that users meet. Changes nothing where the tests run as an ordinary user anyway.
 */
export function actAsOrdinaryUser(): Disposable {
  if (process.geteuid?.() !== 0) return { [Symbol.dispose]: () => undefined };
  const groupId = process.getegid?.() ?? 0;
  process.setegid?.(ordinaryId);
  process.seteuid?.(ordinaryId);
  return {
    [Symbol.dispose]: () => {
      process.seteuid?.(0);
      process.setegid?.(groupId);
    },
  };
}
