/**
 * Preloaded with `NODE_OPTIONS=--import`: at SIGUSR2 the process's wall clock jumps by TEST_CLOCK_JUMP_MS, its monotonic one does not. What somebody
 * who sets the clock during a run looks like from inside.
 */
const jumpMs = Number(process.env['TEST_CLOCK_JUMP_MS'] ?? 0);
const RealDate = Date;
let shiftMs = 0;
process.on('SIGUSR2', () => {
  shiftMs = jumpMs;
});

globalThis.Date = class extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(RealDate.now() + shiftMs);
    else super(...given);
  }

  static now() {
    return RealDate.now() + shiftMs;
  }
};
