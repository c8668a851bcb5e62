import { verifyEvents } from '@ag-ui/client';
import type { Message, RunAgentInput } from '@ag-ui/core';
import { type AgUiEvent, fromRunInput, toAgUi } from 'claude-rx/ag-ui';
import { from, lastValueFrom, take, toArray } from 'rxjs';
import { expect } from 'vitest';
import { pageOf, reduced, runPage, user } from './agUiPage.ts';
import { RandomPage } from './randomPages.ts';
import { pick } from './randomReply.ts';

/** Each so manieth run is made by the real client too, which has to have the same messages. */
const COMPARED = 400;

/** A page of AG-UI, whose events its verifier must accept. */
export class AgUiPage extends RandomPage {
  #messages: Message[] = [user('Hi', 'u0')];
  #runs = 0;

  async run(): Promise<void> {
    const length = this.random() < 0.85 ? 2 : 3;
    for (let index = 0; index < length; index++) {
      if (index > 0) this.#act();
      await this.#submit();
    }
  }

  /** What the user of the page does before the next run. */
  #act(): void {
    const { random } = this;
    const what = random();
    const says = user(pick(random, ['So? ', 'half \ud83d', '.']), `u${this.#runs}`);
    if (what < 0.15) {
      this.note('run again');
      return;
    }
    if (what < 0.3) {
      this.note('edit and regenerate');
      const isUser = ({ role }: Message) => role === 'user';
      const users = this.#messages.flatMap((one, index) => (isUser(one) ? [index] : []));
      this.#messages = [...this.#messages.slice(0, pick(random, users)), says];
      return;
    }
    this.#messages.push(says);
    const place = Math.floor(random() * this.#messages.length);
    if (what < 0.35) {
      this.note('change any message');
      this.#messages = this.#messages.map((one, index) => (index === place ? changed(one) : one));
    } else if (what < 0.4) {
      this.note('delete any message');
      this.#messages = this.#messages.filter((_, index) => index !== place || index === 0);
    } else {
      this.note('say');
    }
  }

  /** Sends all messages as JSON, as a client does, and takes the events in. */
  async #submit(): Promise<void> {
    const runId = `r${this.#runs++}`;
    const input: RunAgentInput = JSON.parse(
      JSON.stringify({ threadId: 't', runId, messages: this.#messages, tools: [], context: [] }),
    );
    const { messages, answers } = fromRunInput(input);
    const events$ = this.loop(messages, answers).pipe(
      toAgUi(input, { errorText: ({ message }) => message }),
    );
    const length = this.patience(0.8);
    const all = await lastValueFrom(
      events$.pipe(take(length), verifyEvents() as never, toArray<AgUiEvent>()),
    );
    const events = JSON.parse(JSON.stringify(all)) as AgUiEvent[];
    const last = events.at(-1)!;
    const isError = last.type === 'RUN_ERROR';
    this.ended(
      isError ? `error ${last.code}` : String(last.type),
      isError ? last.message : undefined,
    );
    if (length === Infinity && !isError) expect(last.type).toBe('RUN_FINISHED');
    const before = this.#messages;
    this.#messages = reduced(before, events);
    if ((this.seed + this.#runs) % COMPARED > 0) return;
    const page = await runPage(pageOf(() => from(events), before));
    expect(page.messages).toEqual(this.#messages);
  }
}

function changed(message: Message): Message {
  if (message.role === 'reasoning') return { ...message, content: 'Changed' };
  return { ...message, content: 'Changed' } as Message;
}
