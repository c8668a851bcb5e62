import { ChangeDetectionStrategy, Component, computed, input } from '@angular/core';
import type { ItineraryInput } from './reply-view';

/** The input of the tool while it is written: each field as soon as it has a character. */
@Component({
  selector: 'chat-itinerary-card',
  changeDetection: ChangeDetectionStrategy.OnPush,
  template: `
    <section class="itinerary" [attr.aria-label]="'Itinerary: ' + (value()?.city ?? '')">
      <header>
        <span class="tool">show_itinerary</span>
        <strong>{{ value()?.city ?? '' }}</strong>
        <span class="state" [class]="input().status">{{ state() }}</span>
      </header>
      @for (day of value()?.days ?? []; track $index) {
        <h3>{{ day?.title }}</h3>
        <ol>
          @for (stop of day?.stops ?? []; track $index) {
            <li>
              <time>{{ stop?.time }}</time>
              <div>
                <b>{{ stop?.place }}</b> <span>{{ stop?.note }}</span>
              </div>
            </li>
          }
        </ol>
      }
      @if (problem(); as problem) {
        <p class="problem">{{ problem }}</p>
      }
    </section>
  `,
})
export class ItineraryCard {
  readonly input = input.required<ItineraryInput>();
  protected readonly value = computed(() => this.input().value);
  protected readonly state = computed(
    () =>
      ({ streaming: 'filling in', complete: 'complete', invalid: 'cut', withdrawn: '' })[
        this.input().status
      ],
  );
  protected readonly problem = computed(() => {
    const input = this.input();
    return input.status === 'invalid' ? 'The plan broke off before it was complete.' : undefined;
  });
}
