/** By block, since blocks do not change: a large block is read once. */
const digests = new WeakMap<object, string>();

/**
 * Chained hash of `before` and `value`. Ignores `cache_control`, which changes nothing for the model. Not a
 * cryptographic hash: somebody could construct a collision.
 */
export function fingerprint(before: string, value: unknown): string {
  return hashed(`${before} ${digestOf(value)}`);
}

function digestOf(value: unknown): string {
  if (typeof value !== 'object' || value === null || isShort(value)) {
    return hashed(withoutBreakpoints(value));
  }
  let digest = digests.get(value);
  if (digest === undefined) digests.set(value, (digest = hashed(withoutBreakpoints(value))));
  return digest;
}

/** Up to this many code units, reading a text again is cheaper than an entry in a `WeakMap`. */
const SHORT = 512;

function isShort({ type, text }: { type?: unknown; text?: unknown }): boolean {
  return type === 'text' && typeof text === 'string' && text.length <= SHORT;
}

function withoutBreakpoints(value: unknown): string {
  // Most blocks are text, and a replacer for each field takes five times as long.
  const { type, cache_control } = (value ?? {}) as { type?: unknown; cache_control?: unknown };
  if (type === 'text' && cache_control === undefined) return JSON.stringify(value);
  const text = JSON.stringify(value, (key, part) => {
    if (key === 'cache_control') return undefined;
    return key === 'data' && typeof part === 'string' && part.length > LONG ? sampleOf(part) : part;
  });
  return `${text}`;
}

/** Base64 `data` that is longer than this, in code units, is sampled: reading 4 MB takes 60 ms. */
const LONG = 65_536;
const SAMPLES = 4_096;

/** The length of a text and characters spread over it, since different images differ almost everywhere. */
function sampleOf(data: string): string {
  const step = Math.floor(data.length / SAMPLES);
  let sample = `${data.length} `;
  for (let index = data.length - 1; index >= 0; index -= step) sample += data[index];
  return sample;
}

/** A 53-bit hash with the mixing of MurmurHash3. */
function hashed(text: string): string {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    high = Math.imul(high ^ code, 2_654_435_761);
    low = Math.imul(low ^ code, 1_597_334_677);
  }
  high =
    Math.imul(high ^ (high >>> 16), 2_246_822_507) ^ Math.imul(low ^ (low >>> 13), 3_266_489_909);
  low =
    Math.imul(low ^ (low >>> 16), 2_246_822_507) ^ Math.imul(high ^ (high >>> 13), 3_266_489_909);
  return base36(4_294_967_296 * (low & 0x1fffff) + (high >>> 0));
}

const PART = 36 ** 5;

/** `toString(36)` of an integer. From 2^31 on, the built-in one takes four times as long. */
function base36(value: number): string {
  const rest = value % PART;
  const first = (value - rest) / PART;
  if (first === 0) return rest.toString(36);
  return first.toString(36) + rest.toString(36).padStart(5, '0');
}
