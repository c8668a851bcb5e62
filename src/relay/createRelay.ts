import type { StreamEvent } from '../message/StreamEvent.ts';
import type { EncodableEvent } from '../sse/encodeEvent.ts';
import { relayConfig } from './relayConfig.ts';
import type { RelayConfig, Relay } from './Relay.ts';
import { RelayNode } from './RelayNode.ts';

/**
 * Replies that survive a reload, a lost node, and many readers: the log of each is in a store, and
 * every reader who knows its id can follow it, on any node.
 *
 * ```text
 * source             --m--a--b------c--S|
 * publish(id)        --M--A--B------C--E      M, A, ...: appended; E: the ending
 * follow(id)         ---m--a--b------c-(S|)
 * late                        (mAB)--c-(S|)   AB: one delta
 * follow after b                  ---c-(S|)
 * ```
 *
 * - Append, then deliver: who follows on the writer's own node reads the log, too. What came while an
 *   append was under way is the next one.
 * - One writer: it holds a lease, and one that has lost it is refused by the store, however late it
 *   wakes up. When its node dies, all who follow get an error with `partial` within the lease time, or
 *   one of their nodes carries the reply on, if it has `resume`.
 * - The ending is an entry of the log, so nobody waits for one that was missed.
 * - An offset is good for the whole life of the log, also after compaction, and is refused for any
 *   other.
 *
 * Only replies of one message are carried on; where tools run, so that there are several, theirs is
 * the error.
 *
 * @throws TypeError when an option is out of its range.
 *
 * @example
 * ```ts
 * import type Anthropic from '@anthropic-ai/sdk';
 * import { fromMessages } from 'claude-rx';
 * import { createRelay } from 'claude-rx/relay';
 *
 * const relay = createRelay();
 *
 * async function ask(client: Anthropic, params: Anthropic.MessageCreateParamsNonStreaming) {
 *   const { id } = await relay.publish(fromMessages(client, params));
 *   return id; // for the reader: relay.follow(id)
 * }
 * ```
 */
export function createRelay<E extends EncodableEvent = StreamEvent>(
  config: RelayConfig<E> = {},
): Relay<E> {
  return new RelayNode<E>(relayConfig(config));
}
