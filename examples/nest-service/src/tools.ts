import type Anthropic from '@anthropic-ai/sdk';
import { z } from 'zod';

const Itinerary = z.object({
  city: z.string(),
  days: z.array(
    z.object({
      title: z.string().describe('Such as "Saturday: the old town"'),
      stops: z.array(
        z.object({
          time: z.string().describe('24 hours, such as "09:30"'),
          place: z.string(),
          note: z.string().describe('One sentence'),
        }),
      ),
    }),
  ),
});

/** A tool that shows: its input is the result, and the reader watches it being written. */
export const tools: Anthropic.Tool[] = [
  {
    name: 'show_itinerary',
    description: 'Shows a plan for a trip as a card. Use it whenever a trip is planned.',
    input_schema: z.toJSONSchema(Itinerary) as Anthropic.Tool.InputSchema,
  },
];
