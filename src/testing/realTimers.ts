/**
 * The timers of the platform, as they are when this module is loaded: a server on loopback goes on
 * where a test has put fake ones in their place.
 */
const { setTimeout, clearTimeout, setImmediate } = globalThis;
const now: () => number = performance.now.bind(performance);

export { clearTimeout, now, setImmediate, setTimeout };
