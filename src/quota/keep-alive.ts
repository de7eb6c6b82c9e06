/**
 * Keeps the process alive until it is disposed of. Slots are held by timers that do not (else the process would linger
 * for an hour after its last call), so whoever has work left holds one of these: `using alive = keepAlive()`.
 */
export function keepAlive(): Disposable {
  const timer = setInterval(() => {}, 2 ** 31 - 1);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
