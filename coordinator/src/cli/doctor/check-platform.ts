import type { Check } from './check.ts';

const supported = ['linux-x64', 'linux-arm64', 'darwin-arm64'];

/** Systems that ONNX Runtime and Node have binaries for. */
export const checkPlatform: Check = async () => {
  const detail = `${process.platform}-${process.arch}`;
  if (supported.includes(detail)) return { what: 'platform', state: 'ok', detail };
  const fix = `Use ${supported.join(', ')}.`;
  return { what: 'platform', state: 'failed', detail: `${detail} is not supported`, fix };
};
