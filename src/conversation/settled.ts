import type { AnyStreamEvent } from '../message/StreamEvent.ts';
import type { ConversationMessage } from './ConversationState.ts';

/** The message with a reply and calls that are still running marked as stopped. */
export function settled<E extends AnyStreamEvent>(
  message: ConversationMessage<E>,
): ConversationMessage<E> {
  if (message.role !== 'assistant') return message;
  const isRunning = message.blocks.some(({ call }) => call?.status === 'running');
  if (message.status !== 'streaming' && !isRunning) return message;
  const blocks = message.blocks.map((keyed) =>
    keyed.call?.status === 'running'
      ? { ...keyed, call: { ...keyed.call, status: 'stopped' as const } }
      : keyed,
  );
  return { ...message, blocks, status: message.status === 'complete' ? 'complete' : 'stopped' };
}
