import type { DynamicToolUIPart } from 'ai';

const STATES: Record<DynamicToolUIPart['state'], string> = {
  'input-streaming': 'is being written',
  'input-available': 'is running',
  'approval-requested': 'waits for you',
  'approval-responded': 'is answered',
  'output-available': 'is done',
  'output-error': 'has failed',
  'output-denied': 'was refused',
};

interface ToolCallProps {
  call: DynamicToolUIPart;
  onAnswer: (approvalId: string, approved: boolean) => void;
}

/** A call of a tool: its input, its output, and the question whether it may run. */
export function ToolCall({ call, onAnswer }: ToolCallProps) {
  const { toolName, state, input } = call;
  if (state === 'approval-requested') {
    const { id } = call.approval;
    return (
      <section className="card" aria-label={`Approval of ${toolName}`}>
        <p>
          May <strong>{toolName}</strong> run with this?
        </p>
        <Value name="Input" value={input} />
        <div className="choice">
          <button type="button" className="primary" onClick={() => onAnswer(id, true)}>
            Approve
          </button>
          <button type="button" onClick={() => onAnswer(id, false)}>
            Refuse
          </button>
        </div>
      </section>
    );
  }
  return (
    <details className="card">
      <summary>
        <strong>{toolName}</strong> {STATES[state]}
      </summary>
      <Value name="Input" value={input} />
      {state === 'output-available' && <Value name="Output" value={call.output} />}
      {state === 'output-error' && <Value name="Error" value={call.errorText} />}
    </details>
  );
}

function Value({ name, value }: { name: string; value: unknown }) {
  return (
    <>
      <p className="name">{name}</p>
      <pre>{typeof value === 'string' ? value : JSON.stringify(value, undefined, 2)}</pre>
    </>
  );
}
