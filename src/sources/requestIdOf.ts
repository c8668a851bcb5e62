/** The API's id of the request that this answers. */
export function requestIdOf({ headers }: Response): string | undefined {
  return headers.get('request-id') ?? undefined;
}
