/** Reads until there is nothing more. */
export async function readToEnd(
  read: () => Promise<{ done?: boolean | undefined }>,
): Promise<void> {
  while (!(await read()).done);
}
