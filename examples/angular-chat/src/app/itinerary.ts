import * as z from 'zod/mini';

/** The input of the tool `show_itinerary`. */
export const Itinerary = z.object({
  city: z.string(),
  days: z.array(
    z.object({
      title: z.string(),
      stops: z.array(z.object({ time: z.string(), place: z.string(), note: z.string() })),
    }),
  ),
});
export type Itinerary = z.infer<typeof Itinerary>;
