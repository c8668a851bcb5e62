import type { MessageOf, StreamEvent } from 'claude-rx';
import { z } from 'zod';

// As much as a person writes, and as much as a model does.
const said = z.string().max(50_000);
const written = z.string().max(2_000_000);

const Text = z.object({ type: z.literal('text'), text: written });
const UserTurn = z.object({
  role: z.literal('user'),
  content: z.union([
    said.min(1),
    z
      .array(
        z.discriminatedUnion('type', [
          z.object({ type: z.literal('text'), text: said }),
          z.object({ type: z.literal('tool_result'), tool_use_id: z.string(), content: said }),
        ]),
      )
      .min(1),
  ]),
});
const AssistantTurn = z.object({
  role: z.literal('assistant'),
  content: z
    .array(
      z.discriminatedUnion('type', [
        Text,
        z.object({ type: z.literal('thinking'), thinking: written, signature: z.string() }),
        z.object({ type: z.literal('redacted_thinking'), data: z.string() }),
        z.object({
          type: z.literal('tool_use'),
          id: z.string(),
          name: z.string(),
          input: z.record(z.string(), z.unknown()),
        }),
      ]),
    )
    .min(1),
});

/**
 * A reply that broke, as the reader has it. It comes from the reader, as the whole conversation
 * does: a reader who can write the questions can write the answers too.
 */
const Partial = z.looseObject({
  role: z.literal('assistant'),
  model: z.string(),
  content: z.array(z.looseObject({ type: z.string() })).max(200),
  usage: z.looseObject({}),
}) as unknown as z.ZodType<MessageOf<StreamEvent>>;

const FAULTS = ['cut', 'stall', 'slow', 'overloaded'] as const;

export const ChatRequest = z.strictObject({
  messages: z
    .array(z.discriminatedUnion('role', [UserTurn, AssistantTurn]))
    .min(1)
    .max(200)
    .refine((turns) => turns.at(-1)?.role === 'user', 'must end with a turn of the user'),
  /** What there is of the reply already: the answer is then the rest of it. */
  partial: Partial.optional(),
  /** A fault to see recovery happen, where the service allows it. */
  fault: z.enum(FAULTS).optional(),
});
export type ChatRequest = z.infer<typeof ChatRequest>;

export const AskQuery = z.object({ prompt: said.min(1) });
export type AskQuery = z.infer<typeof AskQuery>;
