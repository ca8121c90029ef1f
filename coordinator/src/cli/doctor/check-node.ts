import type { Check } from './check.ts';

/** Node 24 is what qfleet is tested with. */
export const checkNode: Check = async () => {
  const [major = 0] = process.versions.node.split('.').map(Number);
  const detail = `${process.version} at ${process.execPath}`;
  if (major === 24) return { what: 'node', state: 'ok', detail };
  return {
    what: 'node',
    state: 'warning',
    detail: `${detail}; expected 24`,
    fix: 'Start it as ./qfleet, in the project, which brings Node 24.',
  };
};
