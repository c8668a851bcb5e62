import {
  ChangeDetectionStrategy,
  Component,
  type ElementRef,
  input,
  output,
  signal,
  viewChild,
} from '@angular/core';
import type { Fault } from './chat-api';

const FAULTS: readonly (readonly [Fault | '', string])[] = [
  ['', 'nothing goes wrong'],
  ['cut', 'the connection is cut'],
  ['stall', 'Claude falls silent'],
  ['slow', 'the network is slow'],
  ['overloaded', 'Claude is overloaded'],
];

/** Where a prompt is written, and what is to go wrong with its reply is chosen. */
@Component({
  selector: 'chat-composer',
  changeDetection: ChangeDetectionStrategy.OnPush,
  template: `
    <form (submit)="submit($event)">
      <label class="visually-hidden" for="prompt">Your message</label>
      <textarea
        #prompt
        id="prompt"
        rows="1"
        placeholder="Ask something"
        autocomplete="off"
        (keydown)="onKey($event)"
      ></textarea>
      <div class="row">
        <label class="fault" for="fault">
          <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M9 1L3 9h4l-1 6 6-8H8z" /></svg>
          <span>Fault</span>
          <select id="fault" #fault (change)="setFault(fault.value)" [value]="fault$()">
            @for (entry of faults; track entry[0]) {
              <option [value]="entry[0]" [selected]="entry[0] === fault$()">{{ entry[1] }}</option>
            }
          </select>
        </label>
        @if (isBusy()) {
          <button type="button" class="stop" (click)="onStop()">
            <svg viewBox="0 0 16 16" aria-hidden="true">
              <rect x="4" y="4" width="8" height="8" rx="1.5" />
            </svg>
            Stop
          </button>
        } @else {
          <button type="submit" class="send">
            <svg viewBox="0 0 16 16" aria-hidden="true">
              <path d="M8 14V3M3.5 7.5L8 3l4.5 4.5" />
            </svg>
            Send
          </button>
        }
      </div>
    </form>
  `,
})
export class Composer {
  readonly isBusy = input(false);
  readonly send = output<{ prompt: string; fault: Fault | undefined }>();
  readonly stop = output();
  private readonly prompt = viewChild.required<ElementRef<HTMLTextAreaElement>>('prompt');
  protected readonly faults = FAULTS;
  protected readonly fault$ = signal<Fault | ''>('');

  protected setFault(value: string): void {
    this.fault$.set(value as Fault | '');
  }

  protected onKey(event: KeyboardEvent): void {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    this.submit(event);
  }

  /** Stops the reply. The button is gone then, and with it the focus: it goes to the message. */
  onStop(): void {
    this.stop.emit();
    this.focus();
  }

  focus(): void {
    this.prompt().nativeElement.focus();
  }

  protected submit(event: Event): void {
    event.preventDefault();
    const { nativeElement } = this.prompt();
    this.submitPrompt(nativeElement.value);
  }

  /** Sends a prompt, with the fault that is chosen; that goes for one reply. */
  submitPrompt(text: string): void {
    const prompt = text.trim();
    if (prompt === '' || this.isBusy()) return;
    const { nativeElement } = this.prompt();
    this.send.emit({ prompt, fault: this.fault$() || undefined });
    nativeElement.value = '';
    this.fault$.set('');
    this.focus();
  }
}
