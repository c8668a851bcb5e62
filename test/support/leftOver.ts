/** The sockets and timers that are open. */
export function resources(): string[] {
  return process.getActiveResourcesInfo().filter((name) => /TCP|Timeout/.test(name));
}

/** Those that are open now and were not before. */
export function leftOver(before: readonly string[]): string[] {
  const known = [...before];
  return resources().filter((name) => {
    const index = known.indexOf(name);
    if (index >= 0) known.splice(index, 1);
    return index < 0;
  });
}
