// Every recorded reply over real HTTP: the SDK's own helper beside `finalMessage()`.
import { finalMessage, fromMessages } from 'claude-rx';
import { lastValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { recordings, repliesOf } from '../../support/recordings.ts';
import { params, received, useServer } from '../../support/server.ts';

const replies = recordings.flatMap((recording) =>
  repliesOf(recording).map((events, index) => ({
    name: `${recording.name}, ${index + 1}`,
    events,
  })),
);

describe.each(replies)('the recorded reply $name', ({ events }) => {
  const context = useServer();

  it('comes over HTTP as it is', async () => {
    context.server.reply({ events, chunk: 1_000 });
    expect(await received(fromMessages(context.client, params))).toEqual(events);
  });

  it('has the final message that the SDK gives it, field by field', async () => {
    context.server.reply(events, events);
    const { beta } = context.client;
    const expected = await beta.messages.stream(params).finalMessage();
    const message = await lastValueFrom(fromMessages(beta, params).pipe(finalMessage()));
    expect(message).toEqual(withoutParsedOutput(expected));
  });
});

/** The SDK's helper adds what it parsed of a structured output; the API sends no such field. */
function withoutParsedOutput(message: object): unknown {
  return JSON.parse(
    JSON.stringify(message, (key, value: unknown) => (key === 'parsed_output' ? undefined : value)),
  );
}
