import { JsonPipe } from '@angular/common';
import { ChangeDetectionStrategy, Component, computed, signal } from '@angular/core';
import type { PendingCall, ToolAnswer } from 'claude-rx/tools';

/** The chat as the service of `examples/approvals` has stored it. */
interface ApprovalChat {
  readonly messages: readonly { readonly role: 'user' | 'assistant'; readonly text: string }[];
  readonly pending: readonly PendingCall[];
}

const EMPTY: ApprovalChat = { messages: [], pending: [] };

/**
 * A page for calls that wait for a click. It keeps nothing: what waits is in the store of the service, so the click
 * still works after a reload, in another tab, and after a restart of the service.
 */
@Component({
  selector: 'chat-root',
  changeDetection: ChangeDetectionStrategy.OnPush,
  imports: [JsonPipe],
  template: `
    <header class="bar"><h1>Approvals</h1></header>
    <main tabindex="0" aria-label="Conversation">
      <div class="column">
        <div aria-live="polite">
          @for (message of chat().messages; track $index) {
            <p [class.prompt]="message.role === 'user'">{{ message.text }}</p>
          }
        </div>
        @for (call of chat().pending; track call.id) {
          <article class="card">
            <p>{{ call.name }} {{ call.input | json }}</p>
            <button type="button" [disabled]="isChosen(call)" (click)="choose(call, true)">
              Approve
            </button>
            <button type="button" [disabled]="isChosen(call)" (click)="choose(call, false)">
              Refuse
            </button>
          </article>
        }
        <p role="alert">{{ problem() }}</p>
      </div>
    </main>
    <footer>
      @if (canSend()) {
        <form class="column" (submit)="send($event, text)">
          <label>Your message <input #text name="text" required autocomplete="off" /></label>
          <button type="submit">Send</button>
        </form>
      }
    </footer>
  `,
  styles: `
    .card {
      margin-block: 1rem;
      padding: 0.25rem 1rem 1rem;
      border: 1px solid var(--edge);
      border-radius: 0.75rem;
      background: var(--card);
    }
    button,
    input {
      padding: 0.35rem 0.9rem;
      border: 1px solid var(--edge);
      border-radius: 0.5rem;
      background: var(--raised);
    }
    button + button {
      margin-left: 0.5rem;
    }
    button:disabled {
      cursor: default;
      color: var(--soft);
    }
  `,
})
export class Approvals {
  protected readonly chat = signal(EMPTY);
  protected readonly problem = signal('');
  protected readonly canSend = computed(() => this.chat().pending.length === 0);
  /** The answers so far: the service takes those to all calls at once. */
  readonly #answers = signal<readonly ToolAnswer[]>([]);

  constructor() {
    void this.#ask('/chat');
  }

  protected isChosen({ id }: PendingCall): boolean {
    return this.#answers().some((answer) => answer.id === id);
  }

  protected choose({ id }: PendingCall, approved: boolean): void {
    const answers: ToolAnswer[] = [...this.#answers(), { id, approved }];
    this.#answers.set(answers);
    if (answers.length === this.chat().pending.length) void this.#ask('/answer', { answers });
  }

  protected send(event: Event, input: HTMLInputElement): void {
    event.preventDefault();
    void this.#ask('/send', { text: input.value });
    input.value = '';
  }

  async #ask(path: string, body?: object): Promise<void> {
    this.problem.set('');
    try {
      const response = await fetch(path, body && jsonRequest(body));
      const value = (await response.json()) as ApprovalChat & { error?: string };
      if (response.ok) return this.#show(value);
      this.problem.set(value.error ?? 'It failed.');
      // Another tab may have answered meanwhile.
      this.#show((await (await fetch('/chat')).json()) as ApprovalChat);
    } catch {
      this.problem.set('The service cannot be reached.');
      this.#answers.set([]);
    }
  }

  #show(chat: ApprovalChat): void {
    this.chat.set(chat);
    this.#answers.set([]);
  }
}

function jsonRequest(body: object): RequestInit {
  const headers = { 'content-type': 'application/json' };
  return { method: 'POST', headers, body: JSON.stringify(body) };
}
