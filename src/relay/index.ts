export { createRelay } from './createRelay.ts';
export type {
  FollowOptions,
  OrphanPolicy,
  Publication,
  PublishOptions,
  Relay,
  RelayConfig,
  RelayStatus,
  TakeOverContext,
} from './Relay.ts';
export type { RelayedEvent } from './Follower.ts';
export { fromRelay, type FromRelayOptions } from './fromRelay.ts';
export { MemoryStore } from './MemoryStore.ts';
export { type RelayRequest, relaySse, type RelaySse, type RelaySseConfig } from './relaySse.ts';
export type {
  Batch,
  Lease,
  LogEntry,
  LogHead,
  NewLog,
  RelayStore,
  WriteOutcome,
} from './RelayStore.ts';
export type { Conclusion } from './Writer.ts';
