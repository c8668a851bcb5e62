import { ChangeDetectionStrategy, Component, computed, input } from '@angular/core';
import { MarkdownBlocks } from './markdown-blocks';

/**
 * Markdown that is being written. `[innerHTML]` sanitises: what a model writes is never trusted, and
 * nothing here says otherwise.
 */
@Component({
  selector: 'chat-markdown',
  changeDetection: ChangeDetectionStrategy.OnPush,
  template: `
    @for (block of blocks(); track $index) {
      <div class="block" [innerHTML]="block.html"></div>
    }
  `,
  host: { '[class.open]': '!isWhole()' },
})
export class Markdown {
  readonly text = input.required<string>();
  readonly isWhole = input(false);
  readonly #rendered = new MarkdownBlocks();
  protected readonly blocks = computed(() => this.#rendered.update(this.text(), this.isWhole()));
}
