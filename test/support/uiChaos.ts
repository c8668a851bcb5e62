import type { UIMessage } from 'ai';
import { fromUiMessages, toUiMessages, type UiMessageChunk } from 'claude-rx/ui';
import { lastValueFrom, take, toArray } from 'rxjs';
import { expect } from 'vitest';
import { RandomPage } from './randomPages.ts';
import { pick } from './randomReply.ts';
import { readStream } from './uiPage.ts';

/** A page with the AI SDK's own reader. */
export class UiPage extends RandomPage {
  #messages: UIMessage[] = [];

  async run(): Promise<void> {
    const length = this.random() < 0.85 ? 2 : 3;
    for (let index = 0; index < length; index++) await this.#act();
  }

  async #act(): Promise<void> {
    const { random } = this;
    const last = this.#messages.at(-1);
    const what = random();
    if (last?.role === 'assistant' && what < 0.15) {
      this.note('regenerate');
      this.#messages.pop();
    } else if (last && what < 0.25) {
      this.note('edit');
      const users = this.#messages.flatMap(({ role }, index) => (role === 'user' ? [index] : []));
      this.#messages.length = pick(random, users);
      this.#ask();
    } else {
      this.note('send');
      this.#ask();
    }
    await this.#submit();
  }

  #ask(): void {
    const text = {
      type: 'text' as const,
      text: pick(this.random, ['Hi', 'So? ', 'half \ud83d', '']),
    };
    const image = 'data:image/png;base64,aGk=';
    const file = { type: 'file' as const, mediaType: 'image/png', url: image };
    const parts = this.random() < 0.1 ? [file, text] : [text, { type: 'text' as const, text: '.' }];
    this.#messages.push({ id: `u${this.#messages.length}`, role: 'user', parts });
  }

  /** Sends all messages as JSON, as a transport does, and takes the answer in. */
  async #submit(): Promise<void> {
    const sent = JSON.parse(JSON.stringify(this.#messages)) as UIMessage[];
    const { messages, answers, messageId } = fromUiMessages(sent);
    const chunks$ = this.loop(messages, answers).pipe(
      toUiMessages({ messageId, errorText: ({ message }) => message }),
    );
    const length = this.patience(0.7);
    const chunks = await lastValueFrom(chunks$.pipe(take(length), toArray<UiMessageChunk>()));
    const refused = chunks.find((chunk) => chunk.type === 'error');
    this.ended(chunks.at(-1)!.type, refused?.errorText);
    const page = await readStream(streamOf(joined(chunks)) as never);
    if (!refused) expect(page.errors).toEqual([]);
    if (page.message.parts.length > 0) this.#messages.push(page.message);
  }
}

/** Texts that follow each other as one: the AI SDK copies the whole message for each of them. */
function joined(chunks: readonly UiMessageChunk[]): UiMessageChunk[] {
  const all: UiMessageChunk[] = [];
  for (const chunk of chunks) {
    const last = all.at(-1);
    if (last && 'delta' in last && 'delta' in chunk && last.id === chunk.id)
      all[all.length - 1] = { ...last, delta: last.delta + chunk.delta };
    else if (
      last?.type === 'tool-input-delta' &&
      chunk.type === last.type &&
      chunk.toolCallId === last.toolCallId
    )
      all[all.length - 1] = { ...last, inputTextDelta: last.inputTextDelta + chunk.inputTextDelta };
    else all.push(chunk);
  }
  return all;
}

function streamOf<T>(values: readonly T[]): ReadableStream<T> {
  return new ReadableStream({
    start(controller) {
      for (const value of values) controller.enqueue(value);
      controller.close();
    },
  });
}
