import { MemoryStore } from 'claude-rx/relay';
import { relayStoreContract } from 'claude-rx/testing/relay-store';
import { describe, it } from 'vitest';

describe('MemoryStore', () => {
  const checks = relayStoreContract(async () => {
    const store = new MemoryStore();
    return { one: store, other: store, close: async () => {} };
  });
  it.each(checks.map(({ name, run }) => [name, run] as const))('%s', (_name, run) => run());
});
