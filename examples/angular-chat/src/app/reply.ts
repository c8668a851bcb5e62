import { ChangeDetectionStrategy, Component, computed, input, output, signal } from '@angular/core';
import { ItineraryCard } from './itinerary-card';
import { Markdown } from './markdown';
import { messageText, type ReplyView } from './reply-view';
import { sentenceFor } from './sentences';
import { Thinking } from './thinking';

const whole = new Intl.NumberFormat('en');
const seconds = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** A reply in any of its states. */
@Component({
  selector: 'chat-reply',
  changeDetection: ChangeDetectionStrategy.OnPush,
  imports: [ItineraryCard, Markdown, Thinking],
  template: `
    @for (part of view().parts; track $index) {
      @switch (part.kind) {
        @case ('thinking') {
          <chat-thinking [text]="part.text" [isOpen]="part.isOpen" />
        }
        @case ('text') {
          <chat-markdown [text]="part.text" [isWhole]="!part.isOpen" />
        }
        @case ('itinerary') {
          <chat-itinerary-card [input]="part.input" />
        }
      }
    }
    @if (view().recovering; as reason) {
      <p class="notice recovering">
        <span class="spinner" aria-hidden="true"></span>{{ reason }} Carrying on…
      </p>
    } @else if (view().status === 'waiting') {
      <p class="dots" aria-hidden="true"><i></i><i></i><i></i></p>
    }
    @if (problem(); as sentence) {
      <div class="notice error" role="alert">
        <span>{{ sentence }}</span>
        @if (isLast()) {
          <button type="button" (click)="retry.emit()">
            {{ hasText() ? 'Carry on' : 'Try again' }}
          </button>
        }
      </div>
    }
    @if (view().status === 'aborted') {
      <div class="notice">
        <span>Stopped.</span>
        @if (isLast()) {
          <button type="button" (click)="retry.emit()">
            {{ hasText() ? 'Carry on' : 'Try again' }}
          </button>
        }
      </div>
    }
    @if (facts(); as facts) {
      <p class="facts">
        @for (fact of facts; track $index) {
          <span>{{ fact }}</span>
        }
      </p>
    }
    @if (!isBusy()) {
      <div class="actions">
        @if (hasText()) {
          <button type="button" (click)="copy()">{{ isCopied() ? 'Copied' : 'Copy' }}</button>
        }
        @if (isLast()) {
          <button type="button" (click)="regenerate.emit()">Regenerate</button>
        }
      </div>
    }
  `,
  host: { '[attr.aria-busy]': 'isBusy()', '[attr.data-status]': 'view().status' },
})
export class Reply {
  readonly view = input.required<ReplyView>();
  /** Whether it is the last of the conversation: only that one can be carried on. */
  readonly isLast = input(false);
  readonly retry = output();
  readonly regenerate = output();
  /** Whether it was copied in the last seconds. */
  protected readonly isCopied = signal(false);

  protected readonly isBusy = computed(() => ['waiting', 'streaming'].includes(this.view().status));
  protected readonly hasText = computed(() =>
    this.view().parts.some(({ kind }) => kind === 'text'),
  );
  protected readonly problem = computed(() => {
    const { status, error } = this.view();
    return status === 'error' && error ? sentenceFor(error) : undefined;
  });
  /** The line below: tokens, the time to the first text, the pace, and what was recovered from. */
  protected readonly facts = computed(() => {
    const { measured, seams } = this.view();
    if (!measured || measured.timeToFirstEvent === undefined) return undefined;
    const { outputTokens, timeToFirstText, tokensPerSecond, characters } = measured;
    // Until the end only the characters are known; a token is about four of them. Of an attempt that
    // broke, never all are.
    const tokens =
      measured.outcome === 'complete' && outputTokens !== undefined
        ? `${measured.seams > 0 ? '≥ ' : ''}${whole.format(outputTokens)} tokens`
        : `≈ ${whole.format(Math.round(characters / 4))} tokens`;
    return [
      tokens,
      ...(timeToFirstText === undefined
        ? []
        : [`first text ${seconds.format(timeToFirstText / 1_000)} s`]),
      ...(tokensPerSecond === undefined
        ? []
        : [`${whole.format(Math.round(tokensPerSecond))} tokens/s`]),
      ...(seams.length > 1 ? [`carried on ${seams.length} times`] : []),
      ...(seams.length === 1 ? [`carried on: ${seams[0]}`] : []),
    ];
  });

  /** Copies the text of the reply, as Markdown. */
  protected async copy(): Promise<void> {
    await navigator.clipboard.writeText(messageText(this.view().message));
    this.isCopied.set(true);
    setTimeout(() => this.isCopied.set(false), 2_000);
  }
}
