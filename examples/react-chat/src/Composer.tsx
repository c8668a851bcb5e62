import { type KeyboardEvent, type RefObject, useState } from 'react';

const PROMPTS = [
  'What is the weather in Lisbon?',
  'Book a hotel in Lisbon for two nights',
  'What is my time zone?',
  'Explain backpressure',
];

interface ComposerProps {
  inputRef: RefObject<HTMLTextAreaElement | null>;
  /** Whether a reply is being written: then there is a button to stop it. */
  isBusy: boolean;
  showPrompts: boolean;
  onSend: (text: string) => void;
  onStop: () => void;
}

export function Composer({ inputRef, isBusy, showPrompts, onSend, onStop }: ComposerProps) {
  const [text, setText] = useState('');
  const send = () => {
    if (isBusy || text.trim() === '') return;
    onSend(text);
    setText('');
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {showPrompts && (
        <ul className="prompts" aria-label="Suggestions">
          {PROMPTS.map((prompt) => (
            <li key={prompt}>
              <button
                type="button"
                onClick={() => {
                  onSend(prompt);
                  inputRef.current?.focus();
                }}
              >
                {prompt}
              </button>
            </li>
          ))}
        </ul>
      )}
      <label htmlFor="prompt">Your message</label>
      <div className="line">
        <textarea
          id="prompt"
          ref={inputRef}
          rows={2}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKeyDown}
        />
        {isBusy ? (
          <button key="stop" type="button" onClick={onStop}>
            Stop
          </button>
        ) : (
          <button key="send" className="primary">
            Send
          </button>
        )}
      </div>
    </form>
  );
}
