import { buffer } from 'node:stream/consumers';
import { type Headers, pack } from 'tar-stream';

/** A tar archive of files, in that order; a header may be given in place of a name. */
export async function encodeTar(
  files: readonly (readonly [string | Headers, Uint8Array])[],
): Promise<Buffer> {
  const archive = pack();
  for (const [header, content] of files)
    archive.entry(typeof header === 'string' ? { name: header } : header, content);
  archive.finalize();
  return buffer(archive);
}
