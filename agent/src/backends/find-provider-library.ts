import { access } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/**
 * Why onnxruntime-node cannot run a provider that lies in a library of its own; undefined where the library is there.
 * The package's install script would fetch it, which does not run here: 300 MB that hardly any device can use.
 */
export async function whyNoProviderLibrary(provider: string): Promise<string | undefined> {
  const platform = `${process.platform}/${process.arch}`;
  if (platform !== 'linux/x64') return `not offered: onnxruntime-node has no ${provider} for ${platform}`;
  const entry = createRequire(import.meta.url).resolve('onnxruntime-node');
  const folder = join(dirname(entry), '../bin/napi-v6', process.platform, process.arch);
  const name = `libonnxruntime_providers_${provider}.so`;
  const isThere = await access(join(folder, name)).then(
    () => true,
    () => false,
  );
  return isThere ? undefined : `not installed: ${name} is not beside onnxruntime-node`;
}
