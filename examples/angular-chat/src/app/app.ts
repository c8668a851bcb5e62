import {
  afterEveryRender,
  afterNextRender,
  afterRenderEffect,
  ChangeDetectionStrategy,
  Component,
  computed,
  DestroyRef,
  type ElementRef,
  inject,
  signal,
  viewChild,
} from '@angular/core';
import { Chat } from './chat';
import { Composer } from './composer';
import { MarbleStrip } from './marble-strip';
import { Prompt } from './prompt';
import { Reply } from './reply';
import { sentenceFor } from './sentences';
import type { Turn } from './turn';

const SUGGESTIONS = [
  ['Explain backpressure', 'Thinking, then Markdown with a table and code'],
  ['Plan a weekend in Lisbon', 'A tool call that fills in as it is written'],
  ['Send 20,000 deltas', 'As fast as they come: the page stays responsive'],
] as const;

/** How near to its end the conversation must be for new text to be scrolled to, in pixels. */
const NEAR = 48;

@Component({
  selector: 'chat-root',
  changeDetection: ChangeDetectionStrategy.OnPush,
  // Wherever the focus is.
  host: { '(document:keydown.escape)': 'onEscape()' },
  imports: [Composer, MarbleStrip, Prompt, Reply],
  template: `
    <header class="bar">
      <h1>
        <svg viewBox="0 0 32 16" aria-hidden="true">
          <path d="M0 8h32" />
          <circle cx="7" cy="8" r="5" class="text" />
          <circle cx="19" cy="8" r="5" class="thinking" />
          <path d="M29 3v10" />
        </svg>
        Marbles
      </h1>
      @if (turns().length > 0) {
        <button type="button" class="quiet" (click)="chat.clear()">New chat</button>
      }
    </header>

    <main #scroller tabindex="0" aria-label="Conversation">
      <div class="column">
        @if (turns().length === 0) {
          <section class="welcome">
            <h2>Watch a reply stream, break, and recover.</h2>
            <p>Ask anything, or pick an example. Choose a fault below.</p>
            <ul>
              @for (suggestion of suggestions; track suggestion[0]) {
                <li>
                  <button type="button" (click)="composer().submitPrompt(suggestion[0])">
                    <b>{{ suggestion[0] }}</b>
                    <span>{{ suggestion[1] }}</span>
                  </button>
                </li>
              }
            </ul>
          </section>
        }
        @for (turn of turns(); track turn) {
          <article class="turn" [attr.aria-label]="'Turn ' + (turn.id + 1)">
            <h2 class="visually-hidden">You asked</h2>
            <chat-prompt
              [text]="turn.prompt"
              [canEdit]="!chat.isBusy()"
              (edited)="onRegenerate(turn, $event)"
            />
            <h2 class="visually-hidden">Claude answered</h2>
            <chat-reply
              [view]="turn.reply()"
              [isLast]="turn === turns().at(-1)"
              (retry)="chat.retry(turn)"
              (regenerate)="onRegenerate(turn, turn.prompt)"
            />
          </article>
        }
      </div>
    </main>

    <footer>
      <div class="column">
        @if (turns().length > 0 && !isPinned()) {
          <button type="button" class="latest" (click)="toLatest()">Latest ↓</button>
        }
        <chat-marble-strip [hidden]="turns().length === 0" />
        <chat-composer [isBusy]="chat.isBusy()" (send)="onSend($event)" (stop)="chat.stop()" />
      </div>
    </footer>

    <div class="visually-hidden" aria-live="polite">{{ spoken() }}</div>
    <div class="visually-hidden" role="status">{{ status() }}</div>
  `,
})
export class App {
  protected readonly chat = inject(Chat);
  protected readonly turns = this.chat.turns;
  protected readonly suggestions = SUGGESTIONS;
  protected readonly composer = viewChild.required(Composer);
  private readonly scroller = viewChild.required<ElementRef<HTMLElement>>('scroller');
  /** Whether the end of the conversation is kept in sight. */
  protected readonly isPinned = signal(true);

  readonly #last = computed(() => this.turns().at(-1)?.reply());
  protected readonly spoken = computed(() =>
    // Without the signs of Markdown, which would be read as words.
    (this.#last()?.spoken ?? '').replace(/[#*`>|_-]+/g, ' '),
  );
  protected readonly status = computed(() => {
    const view = this.#last();
    if (!view) return '';
    if (view.recovering) return `${view.recovering} Carrying on.`;
    switch (view.status) {
      case 'waiting':
        return 'Claude is answering.';
      case 'complete':
        return 'The reply is complete.';
      case 'aborted':
        return 'Stopped.';
      case 'error':
        return view.error ? sentenceFor(view.error) : '';
      default:
        return '';
    }
  });

  constructor() {
    // For the performance panel of the browser.
    afterEveryRender(() => {
      performance.mark('change detection');
      performance.clearMarks('change detection');
    });
    // Not in the template: there each scroll event would be a change detection.
    const destroyed = inject(DestroyRef);
    afterNextRender(() => {
      const { nativeElement } = this.scroller();
      const look = () => this.isPinned.set(distanceFromEnd(nativeElement) < NEAR);
      nativeElement.addEventListener('scroll', look, { passive: true });
      destroyed.onDestroy(() => nativeElement.removeEventListener('scroll', look));
    });
    afterRenderEffect({
      write: () => {
        // The welcome page starts at its top.
        if (this.#last() && this.isPinned()) this.scroller().nativeElement.scrollTop = 1e9;
      },
    });
  }

  protected onSend({ prompt, fault }: Parameters<Composer['send']['emit']>[0]): void {
    this.isPinned.set(true);
    this.chat.send(prompt, fault);
  }

  protected onRegenerate(turn: Turn, prompt: string): void {
    this.isPinned.set(true);
    this.chat.regenerate(turn, prompt);
    this.composer().focus();
  }

  protected onEscape(): void {
    if (this.chat.isBusy()) this.composer().onStop();
  }

  protected toLatest(): void {
    this.isPinned.set(true);
  }
}

function distanceFromEnd({ scrollHeight, scrollTop, clientHeight }: HTMLElement): number {
  return scrollHeight - scrollTop - clientHeight;
}
