import type { UIMessage } from 'ai';
import { ToolCall } from './ToolCall.tsx';

interface MessageProps {
  message: UIMessage;
  /** Whether it is being written. */
  isBusy: boolean;
  onAnswer: (approvalId: string, approved: boolean) => void;
}

export function Message({ message, isBusy, onAnswer }: MessageProps) {
  const { role, parts } = message;
  // A part that was not ended: the reply was stopped, or it failed.
  const isCut =
    !isBusy &&
    parts.some(
      (part) => 'state' in part && (part.state === 'streaming' || part.state === 'input-streaming'),
    );
  return (
    <article className={role} aria-label={role === 'user' ? 'You' : 'Claude'}>
      {parts.map((part, index) => {
        switch (part.type) {
          case 'text':
            return (
              <p className="text" key={index}>
                {part.text}
              </p>
            );
          case 'reasoning':
            return (
              <details key={index}>
                <summary>Thinking</summary>
                <p className="text">{part.text}</p>
              </details>
            );
          case 'dynamic-tool':
            return <ToolCall key={part.toolCallId} call={part} onAnswer={onAnswer} />;
          default:
            return null;
        }
      })}
      {isCut && <p className="status">Ended early</p>}
    </article>
  );
}
