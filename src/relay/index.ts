export {
  createRelay,
  type FollowOptions,
  type Publication,
  type PublishOptions,
  type Relay,
  type RelayConfig,
  type RelayStatus,
  type TakeOverContext,
} from './createRelay.ts';
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
