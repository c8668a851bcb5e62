const SLOTS = 16_384;

/** The hash tag of a key: the part in braces that decides its slot in a cluster. */
export function hashTag(key: string): string | undefined {
  return /^[^{]*\{([^}]+)\}/.exec(key)?.[1];
}

/**
 * The slot of a key or a channel in a cluster: CRC16 (XMODEM) of the hash tag, or of the whole key.
 * https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#key-distribution-model
 */
export function hashSlot(key: string): number {
  let crc = 0;
  for (const byte of new TextEncoder().encode(hashTag(key) ?? key)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  }
  return (crc & 0xffff) % SLOTS;
}
