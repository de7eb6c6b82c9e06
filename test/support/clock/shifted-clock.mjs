/**
 * Preloaded with `NODE_OPTIONS=--import`: the process's wall clock is wrong by TEST_CLOCK_SHIFT_MS, its monotonic one is not. What a machine whose
 * clock was set wrong looks like from inside.
 */
const shiftMs = Number(process.env['TEST_CLOCK_SHIFT_MS'] ?? 0);
const RealDate = Date;

globalThis.Date = class extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(RealDate.now() + shiftMs);
    else super(...given);
  }

  static now() {
    return RealDate.now() + shiftMs;
  }
};
