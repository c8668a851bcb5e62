/**
 * The timers of the platform, as they are when this module is loaded, so that the server keeps running when
 * a test replaces them with fake timers.
 */
export const setTimeout: typeof globalThis.setTimeout = globalThis.setTimeout;
export const clearTimeout: typeof globalThis.clearTimeout = globalThis.clearTimeout;
export const setImmediate: typeof globalThis.setImmediate = globalThis.setImmediate;
export const now: () => number =
  typeof performance === 'undefined' ? Date.now : performance.now.bind(performance);
