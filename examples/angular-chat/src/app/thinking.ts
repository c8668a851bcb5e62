import { ChangeDetectionStrategy, Component, input, signal } from '@angular/core';

/** What Claude thought, folded away; while it is folded, its text is not rendered either. */
@Component({
  selector: 'chat-thinking',
  changeDetection: ChangeDetectionStrategy.OnPush,
  template: `
    <details (toggle)="isUnfolded.set(details.open)" #details>
      <summary>
        <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M6 3l5 5-5 5" /></svg>
        @if (isOpen()) {
          <span class="shimmer">Thinking</span>
        } @else {
          <span>Thought</span>
        }
      </summary>
      @if (isUnfolded()) {
        <p>{{ text() }}</p>
      }
    </details>
  `,
})
export class Thinking {
  readonly text = input.required<string>();
  readonly isOpen = input(false);
  protected readonly isUnfolded = signal(false);
}
