import type { StreamEvent } from '../message/StreamEvent.ts';
import type { EncodableEvent } from '../sse/encodeEvent.ts';
import { relayConfig } from './relayConfig.ts';
import type { RelayConfig, Relay } from './Relay.ts';
import { RelayNode } from './RelayNode.ts';

/**
 * Creates a relay: replies that survive a reload and a lost node, for any number of readers. The log of
 * each reply is in a store, and every reader with its id can follow it, on any node.
 *
 * ```text
 * source             --m--a--b------c--S|
 * publish(id)        --M--A--B------C--E      M, A, ...: appended; E: the ending
 * follow(id)         ---m--a--b------c-(S|)
 * late                        (mAB)--c-(S|)   AB: one delta
 * follow after b                  ---c-(S|)
 * ```
 *
 * - Append, then deliver: readers only get events that are in the log, also on the node of the writer.
 *   Events that arrive during an append are written together by the next append.
 * - One writer: it holds a lease, and the store refuses a writer that has lost its lease. When its node
 *   dies, readers get an error with `partial` when the lease has expired or, with `resume`, one node
 *   continues the reply.
 * - The ending is an entry of the log, so no reader misses it.
 * - An offset stays valid as long as the log exists, also after compaction. It is refused for any other
 *   log.
 *
 * Only replies of a single message are continued. A reply of several messages, as with tools, ends with
 * the error.
 *
 * @throws TypeError when an option is out of range.
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
