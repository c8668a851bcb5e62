/**
 * A short text that is another one where `value`, or what came before, is another one. It is made of
 * the JSON of the value, without the breakpoints of the prompt cache: they change nothing that is
 * said. It is no protection against somebody who wants two values to look alike.
 */
export function fingerprint(before: string, value: unknown): string {
  const text = JSON.stringify(value, (key, part) => (key === 'cache_control' ? undefined : part));
  return hashed(`${before} ${text}`).toString(36);
}

/** 53 bits of a hash, by the mixing of MurmurHash3. */
function hashed(text: string): number {
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
  return 4_294_967_296 * (low & 0x1fffff) + (high >>> 0);
}
