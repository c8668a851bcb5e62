import {
  ChangeDetectionStrategy,
  Component,
  type ElementRef,
  afterNextRender,
  inject,
  Injector,
  input,
  output,
  signal,
  viewChild,
} from '@angular/core';

/** A prompt, which can be edited: the edited one is asked again. */
@Component({
  selector: 'chat-prompt',
  changeDetection: ChangeDetectionStrategy.OnPush,
  template: `
    @if (isEditing()) {
      <form (submit)="save($event)">
        <textarea
          #editor
          rows="3"
          aria-label="Edit your message"
          [value]="text()"
          (keydown)="onKey($event)"
        ></textarea>
        <div class="actions">
          <button type="button" (click)="close()">Cancel</button>
          <button type="submit">Send again</button>
        </div>
      </form>
    } @else {
      <p class="prompt">{{ text() }}</p>
      @if (canEdit()) {
        <div class="actions">
          <button #edit type="button" (click)="open()">Edit</button>
        </div>
      }
    }
  `,
})
export class Prompt {
  readonly text = input.required<string>();
  readonly canEdit = input(false);
  readonly edited = output<string>();
  protected readonly isEditing = signal(false);
  private readonly editor = viewChild<ElementRef<HTMLTextAreaElement>>('editor');
  private readonly editButton = viewChild<ElementRef<HTMLButtonElement>>('edit');
  readonly #injector = inject(Injector);

  protected open(): void {
    this.isEditing.set(true);
    this.#focus(() => this.editor());
  }

  protected close(): void {
    this.isEditing.set(false);
    this.#focus(() => this.editButton());
  }

  protected save(event: Event): void {
    event.preventDefault();
    const prompt = this.editor()?.nativeElement.value.trim();
    if (!prompt) return;
    this.isEditing.set(false);
    this.edited.emit(prompt);
  }

  protected onKey(event: KeyboardEvent): void {
    if (event.key === 'Escape') this.close();
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) this.save(event);
  }

  /** The element is on the page after the next render. */
  #focus(element: () => ElementRef<HTMLElement> | undefined): void {
    afterNextRender(() => element()?.nativeElement.focus(), { injector: this.#injector });
  }
}
